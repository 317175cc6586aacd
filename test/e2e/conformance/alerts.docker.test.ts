import { type ChildProcess, spawn } from 'node:child_process';
import { expect } from 'chai';
import { run, succeeded } from '../../support/cli.ts';
import { until } from '../../support/platform.ts';
import type { CertifiedGateway } from './certified-gateway.ts';
import { SWARM } from './swarm-place.ts';

// The certifier's ScaleToZero runs only with `idler_enabled=true`: it is left out here, for there is no idler yet.
const [THROUGHPUT, DISABLED] = ['e2e-certified-load', 'e2e-certified-fixed'];
const ALERTS = 'http://127.0.0.1:9090/api/v1/alerts';

describe('conformance: scaling by alerts', function () {
  this.timeout(150_000);
  let gateway: CertifiedGateway;
  let load: ChildProcess | undefined;

  const deploy = (service: string, scale: Readonly<Record<string, string>>): Promise<void> => {
    const labels = Object.fromEntries(
      Object.entries(scale).map(([key, value]) => [`com.openfaas.scale.${key}`, value]),
    );
    return gateway.deploy({ service, image: SWARM.toolsImage, envProcess: 'sha512sum', labels });
  };
  const replicas = async (name: string): Promise<number> => (await gateway.status(name)).replicas;
  const clear = async (): Promise<void> => {
    for (const name of [THROUGHPUT, DISABLED]) await gateway.remove(name);
  };
  before(async () => {
    gateway = await SWARM.open();
    await clear();
  });
  after(async () => {
    load?.kill();
    await clear();
    await SWARM.close();
  });

  // The URL is without a namespace, as the certifier's.
  it('Throughput: ten calls a second make two replicas of one within 60 s', async () => {
    await deploy(THROUGHPUT, { min: '1', max: '2' });
    await gateway.available(THROUGHPUT);
    expect(await replicas(THROUGHPUT)).to.equal(1);
    const url = `${gateway.url}/function/${THROUGHPUT}`;
    load = spawn('hey', ['-z', '120s', '-c', '2', '-q', '5', '-m', 'POST', '-d', 'hi', url], {
      stdio: 'ignore',
    });
    await until('two replicas', async () => (await replicas(THROUGHPUT)) === 2, 60_000);
  });

  it('Throughput: one replica again within 60 s of the end of the load', async () => {
    load?.kill();
    load = undefined;
    await until('one replica', async () => (await replicas(THROUGHPUT)) === 1, 60_000);
  });

  // The certifier sends its thousand calls at ten a second. At forty they take 25 s, and the alert fires just as well: that is seen below.
  it('Disabled: with a minimum equal to the maximum, a thousand calls change nothing', async () => {
    await deploy(DISABLED, { min: '2', max: '2' });
    await gateway.available(DISABLED);
    const url = `${gateway.url}/function/${DISABLED}`;
    const sent = run('hey', ['-n', '1000', '-c', '4', '-q', '10', '-m', 'POST', '-d', 'hi', url], {
      folder: '.',
      stdin: '',
    });
    let isSending = true;
    let hasFired = false;
    const counts = new Set<number>();
    const watch = async (): Promise<void> => {
      while (isSending) {
        counts.add(await replicas(DISABLED));
        hasFired ||= await isFiring(`${DISABLED}.openfaas-fn`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    const [ran] = await Promise.all([
      sent.finally(() => {
        isSending = false;
      }),
      watch(),
    ]);
    expect(succeeded('hey', ran).stdout).to.contain('[200]\t1000 responses');
    expect(hasFired, 'the alert fired').to.equal(true);
    counts.add(await replicas(DISABLED));
    expect([...counts]).to.deep.equal([2]);
  });
});

async function isFiring(functionName: string): Promise<boolean> {
  const { data } = (await (await fetch(ALERTS)).json()) as {
    data: { alerts: { state: string; labels: Record<string, string> }[] };
  };
  return data.alerts.some(
    ({ state, labels }) => state === 'firing' && labels['function_name'] === functionName,
  );
}
