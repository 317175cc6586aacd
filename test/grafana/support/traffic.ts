import { configEntry, tarOf } from '../../gateway/build/build-tar.ts';
import { docker } from '../../support/cli.ts';
import { forgetCalls } from '../../support/forget-calls.ts';
import { type Platform, removeFunction, until } from '../../support/platform.ts';

/** A shell script as one word, since the watchdog splits at spaces: answers, and fails when it is called at /fails. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
const SCRIPT = 'test${IFS}"$Http_Path"${IFS}!=${IFS}/fails&&echo${IFS}served';
const CALLS_PER_SECOND = 8;

/** Names of their own for each run: what a former one has left in Prometheus would be taken for this one's. */
const RUN = Date.now().toString(36);
const PREFIX = 'dash-';
/** Deployed by `begin`: one is scaled by target, the other by alerts. */
export const TARGET = `${PREFIX}target-${RUN}`;
export const ALERT = `${PREFIX}alert-${RUN}`;

/** Built, and not deployed. */
const BUILT = `skep-e2e/${PREFIX}built:latest`;
/** Called asynchronously, and by a schedule. */
const QUEUED = `${PREFIX}queued-${RUN}`;

/** Functions to whom everything happens that the dashboards show, and that goes on until `end`. */
export class Traffic {
  readonly #platform: Platform;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Resolves when everything has happened once, and calls go on. */
  async begin(): Promise<void> {
    await this.end();
    await Promise.all([
      this.#deploy(TARGET, { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '100' }),
      this.#deploy(ALERT, {}),
      this.#deploy(
        QUEUED,
        {},
        {
          topic: 'cron-function',
          schedule: '@every 5s',
          'com.openfaas.retry.attempts': '1',
          'com.openfaas.retry.min_wait': '1s',
        },
      ),
    ]);
    // Called before their first replica, they wait for it.
    for (const name of [TARGET, ALERT])
      await until(`${name} answers`, async () => (await this.#call(name)) === 200);
    await this.#expect(500, () => this.#call(TARGET, '/fails'));
    await this.#expect(404, () => this.#call(`${PREFIX}nobody`));
    const unknown = await this.#platform.request(`/system/function/${PREFIX}nobody`);
    if (unknown.status !== 404) throw new Error(`an unknown function: status ${unknown.status}`);
    await this.#scale(ALERT, 2);
    // To zero, and woken by a call.
    await this.#scale(TARGET, 0);
    await until('no replica', async () => (await this.#available(TARGET)) === 0);
    await this.#expect(200, () => this.#call(TARGET));
    await this.#queue();
    await this.#build();
    this.#timer = setInterval(() => {
      for (const name of [TARGET, ALERT]) this.#call(name).catch(() => {});
    }, 1000 / CALLS_PER_SECOND);
  }

  /** One that succeeds and is called back, one that is given up after a retry, and one whose time does not come. */
  async #queue(): Promise<void> {
    const later = { 'x-skep-delay': '10m', 'x-call-id': `${QUEUED}-later` };
    for (const [path, headers] of [
      ['', { 'x-callback-url': `http://gateway:8080/function/${QUEUED}` }],
      ['/fails', {}],
      ['', later],
    ] as const) {
      const url = `${this.#platform.url}/async-function/${QUEUED}${path}`;
      const response = await fetch(url, { method: 'POST', headers, body: 'x' });
      if (response.status !== 202) throw new Error(`not accepted: ${await response.text()}`);
    }
  }

  async #build(): Promise<void> {
    const tar = await tarOf(configEntry({ image: BUILT, skipPush: true }), [
      'context/Dockerfile',
      'FROM scratch\nCOPY Dockerfile /\n',
    ]);
    const response = await fetch(`${this.#platform.url}/system/build`, {
      method: 'POST',
      headers: { authorization: this.#platform.authorization },
      body: new Uint8Array(tar),
    });
    const last = await response.text();
    if (!last.includes('"success"')) throw new Error(`not built: ${last}`);
  }

  /** Removes the functions, and what a broken run has left. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await docker('rmi', '-f', BUILT);
    await this.#platform.request(`/async-function/${QUEUED}-later`, { method: 'DELETE' });
    const functions = (await (await this.#platform.request('/system/functions')).json()) as {
      name: string;
    }[];
    const ours = functions.map(({ name }) => name).filter((name) => name.startsWith(PREFIX));
    await Promise.all(ours.map((name) => removeFunction(this.#platform, name)));
    for (const name of ours) await forgetCalls(this.#platform, name);
  }

  async #deploy(
    service: string,
    labels: Record<string, string>,
    annotations: Record<string, string> = {},
  ): Promise<void> {
    const { status } = await this.#platform.request('/system/functions', {
      method: 'POST',
      json: {
        service,
        image: await this.#platform.exampleImage(),
        envProcess: `sh -c ${SCRIPT}`,
        envVars: { healthcheck_interval: '1s', cgi_response: 'false', prefork: '0' },
        labels: { 'com.openfaas.scale.max': '2', ...labels },
        annotations,
      },
    });
    if (status !== 202) throw new Error(`${service}: status ${status}`);
  }

  async #scale(serviceName: string, replicas: number): Promise<void> {
    const path = `/system/scale-function/${serviceName}`;
    await this.#expect(
      202,
      async () =>
        (await this.#platform.request(path, { method: 'POST', json: { serviceName, replicas } })).status,
    );
  }

  async #available(name: string): Promise<number> {
    const answer = await this.#platform.request(`/system/function/${name}`);
    return ((await answer.json()) as { availableReplicas?: number }).availableReplicas ?? 0;
  }

  async #call(name: string, path = ''): Promise<number> {
    const response = await fetch(`${this.#platform.url}/function/${name}${path}`, {
      signal: AbortSignal.timeout(60_000),
    });
    await response.arrayBuffer();
    return response.status;
  }

  async #expect(status: number, act: () => Promise<number>): Promise<void> {
    const actual = await act();
    if (actual !== status) throw new Error(`status ${actual} in place of ${status}`);
  }
}
