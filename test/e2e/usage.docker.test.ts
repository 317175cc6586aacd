import { expect } from 'chai';
import { deployExample, openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-usage';
const IDLE = 'e2e-usage-without';
const LIAR = 'e2e-usage-liar';
/** One word, as the watchdog splits at spaces: a server in the watchdog's place, with a lie about another and a word about itself. */
const LIE = String.raw`Bun.serve({port:8081,fetch:()=>new(Response)("pod_cpu_usage_seconds_total{function_name=\"e2e-usage.openfaas-fn\",namespace=\"openfaas-fn\"}\x209e9\npod_memory_working_set_bytes\x2012345\n")})`;
const PATIENT = {
  exec_timeout: '100s',
  write_timeout: '100s',
  healthcheck_interval: '1s',
  cgi_response: 'false',
  combine_output: 'true',
};
const PROMETHEUS = `http://127.0.0.1:${process.env['SKEP_PROMETHEUS_PORT'] ?? 9090}`;

interface Status {
  readonly name: string;
  readonly usage?: { readonly cpu: number; readonly totalMemoryBytes: number };
}

describe('the usage of functions on the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;
  let calls = new AbortController();

  const remove = (name: string): Promise<void> => removeFunction(platform, name);
  const read = async (query = '?usage=1'): Promise<Status> =>
    (await (await platform.request(`/system/function/${NAME}${query}`)).json()) as Status;
  /** A call without an end of its own: the client that leaves ends it. */
  const begin = (name: string): void => {
    const { signal } = calls;
    fetch(`${platform.url}/function/${name}`, { method: 'POST', signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  };
  const query = async (expression: string): Promise<{ metric: Record<string, string> }[]> => {
    const response = await fetch(`${PROMETHEUS}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    return ((await response.json()) as { data: { result: { metric: Record<string, string> }[] } }).data
      .result;
  };

  before(async () => {
    platform = await openPlatform();
    await Promise.all([NAME, IDLE, LIAR].map(remove));
    calls = new AbortController();
    await deployExample(platform, NAME, {
      envProcess: 'sha512sum /dev/zero',
      envVars: PATIENT,
      limits: { cpu: '0.25' },
    });
    begin(NAME);
  });
  after(async () => {
    calls.abort();
    await Promise.all([NAME, IDLE, LIAR].map(remove));
  });

  it('appears with CPU and memory when one burns CPU', async () => {
    let status = await read();
    await until('its CPU is seen', async () => {
      status = await read();
      return (status.usage?.cpu ?? 0) > 50;
    });
    // Limited to a quarter of a core.
    expect(status.usage?.cpu).to.be.within(50, 350);
    expect(status.usage?.totalMemoryBytes).to.be.within(1_000_000, 1_000_000_000);
  });

  it('is told by the list where it is asked for, and nowhere else', async () => {
    const list = async (path: string): Promise<Status | undefined> =>
      ((await (await platform.request(path)).json()) as Status[]).find(({ name }) => name === NAME);
    expect((await list('/system/functions?usage=1'))?.usage?.cpu).to.be.greaterThan(0);
    expect(await list('/system/functions')).to.not.have.property('usage');
    expect(await read('')).to.not.have.property('usage');
  });

  it('is one series for each replica, named by the gateway', async () => {
    const series = await query(`pod_cpu_usage_seconds_total{function_name="${NAME}.openfaas-fn"}`);
    expect(series).to.have.length(1);
    const [{ metric } = { metric: {} }] = series;
    expect(Object.keys(metric).sort()).to.deep.equal([
      '__name__',
      'function_name',
      'instance',
      'job',
      'namespace',
    ]);
    expect(metric).to.include({ job: 'functions', namespace: 'openfaas-fn' });
  });

  it('is not what another function says it is', async () => {
    await deployExample(platform, LIAR, {
      envProcess: `bun -e ${LIE}`,
      envVars: { ...PATIENT, metrics_port: '8099' },
    });
    begin(LIAR);
    // That its page was read shows in what it says of itself.
    const told = `pod_memory_working_set_bytes{function_name="${LIAR}.openfaas-fn"} == 12345`;
    await until('its word is heard', async () => (await query(told)).length === 1);
    expect(await query('pod_cpu_usage_seconds_total > 8e9')).to.deep.equal([]);
    expect(
      await query(`{function_name="${LIAR}.openfaas-fn",job="functions",__name__=~"pod_cpu.*"}`),
    ).to.deep.equal([]);
    expect((await read()).usage?.cpu).to.be.within(50, 350);
  });

  it('is left out for an image without a watchdog, which is no alarm either', async () => {
    // Whatever runs in it: nothing listens on port 8081.
    await deployExample(platform, IDLE, { envVars: { metrics_port: '8099' } });
    const up = `up{function_name="${IDLE}.openfaas-fn"}`;
    await until('Prometheus knows it', async () => (await query(`${up} == 1`)).length === 1);
    const status = (await (await platform.request(`/system/function/${IDLE}?usage=1`)).json()) as Status;
    expect(status).to.include({ name: IDLE });
    expect(status).to.not.have.property('usage');
  });
});
