import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { docker, run, succeeded } from '../../support/cli.ts';
import { type Engine, type EngineSwarm, openEngineSwarm } from '../../support/engine-swarm.ts';
import { type Platform, until } from '../../support/platform.ts';
import { gatewayImage } from '../own-gateway.ts';
import { Ledger } from './ledger.ts';
import type { Interruption } from './verdict.ts';

const IMAGE = 'zero-loss/counting:latest';
const NETWORK = 'skep-functions';

/** An image of the counting function on one that has our watchdog and bun. @returns its tag */
export async function countingImage(base: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-zero-loss-'));
  try {
    cpSync(join(import.meta.dirname, 'counting-function.ts'), join(folder, 'function.ts'));
    writeFileSync(
      join(folder, 'Dockerfile'),
      `FROM ${base}
COPY function.ts /home/app/function.ts
ENV mode=http upstream_url=http://127.0.0.1:3000 fprocess="bun /home/app/function.ts"
`,
    );
    succeeded('docker build', await docker('build', '-q', '-t', IMAGE, folder));
    return IMAGE;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gateway, queue worker, NATS and functions as services of a swarm of one engine of their own; the machine's own engine is no part of it. */
export class SwarmPlatform {
  readonly interruptions: Interruption[] = [];
  readonly ledger: Ledger;
  readonly engine: Engine;
  readonly #swarm: EngineSwarm;

  private constructor(swarm: EngineSwarm) {
    this.#swarm = swarm;
    this.engine = swarm.manager;
    this.ledger = new Ledger(addressBeside(swarm.manager.address));
  }

  static async open(image: string, functions: readonly string[]): Promise<SwarmPlatform> {
    const swarm = await openEngineSwarm(0);
    const platform = new SwarmPlatform(swarm);
    try {
      await platform.#deploy(image, functions);
      return platform;
    } catch (error) {
      await platform.close();
      throw error;
    }
  }

  get url(): string {
    return `http://${this.engine.address}:8080`;
  }

  readonly request: Platform['request'] = (path, { method = 'GET', json } = {}) =>
    fetch(this.url + path, { method, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });

  async close(): Promise<void> {
    await this.ledger.close();
    await this.#swarm.close();
  }

  /** Kills all containers of a service; Swarm starts others. Resolves when they run and the gateway answers. */
  async killContainers(service: string): Promise<void> {
    const from = Date.now();
    const before = await this.#containers(service);
    for (const id of before) await this.engine.docker.getContainer(id).kill({ signal: 'SIGKILL' });
    await until(`another container of ${service}`, async () => {
      const now = await this.#containers(service);
      return now.length >= before.length && !now.some((id) => before.includes(id));
    });
    await this.#answers();
    this.interruptions.push({ what: service, from, to: Date.now() });
  }

  /** Kills the engine. The one that is started then ends all containers that it finds, and Swarm starts others. */
  async killEngine(services: readonly string[]): Promise<void> {
    const from = Date.now();
    await this.engine.kill();
    await this.engine.start();
    for (const service of services) {
      await until(`${service} again`, async () => {
        const [id] = await this.#containers(service);
        if (id === undefined) return false;
        const { State } = await this.engine.docker.getContainer(id).inspect();
        return Date.parse(State.StartedAt) > from;
      });
    }
    await this.#answers(20_000).catch(() => this.#replaceUnreached());
    this.interruptions.push({ what: 'engine', from, to: Date.now() });
  }

  /** Now and then an engine that comes back after `SIGKILL` leads a published port nowhere. @throws {Error} when it is the gateway itself */
  async #replaceUnreached(): Promise<void> {
    const [id] = await this.#containers('gateway');
    if (id === undefined) throw new Error('the gateway does not run');
    const { NetworkSettings } = await this.engine.docker.getContainer(id).inspect();
    const ask =
      'exec 3<>/dev/tcp/127.0.0.1/8080; printf "GET /healthz HTTP/1.0\\r\\n\\r\\n" >&3; head -1 <&3';
    const { stdout } = await run(
      'timeout',
      ['3', 'nsenter', `--net=${NetworkSettings.SandboxKey}`, 'bash', '-c', ask],
      {
        folder: '.',
        stdin: '',
      },
    );
    if (!/ 200 /.test(stdout)) throw new Error(`the gateway does not answer, also inside: ${stdout}`);
    console.log(
      '      the gateway answers inside its container, and not on its published port: it is replaced',
    );
    await this.killContainers('gateway');
  }

  /** The last lines of a service's containers. */
  async logs(service: string): Promise<string> {
    const filters = JSON.stringify({ label: [`com.docker.swarm.service.name=${service}`] });
    const containers = await this.engine.docker.listContainers({ all: true, filters });
    const texts = await Promise.all(
      containers.map(async ({ Id }) => {
        const ran = await docker('-H', `unix://${this.engine.socketPath}`, 'logs', '--tail', '60', Id);
        return `${service} ${Id.slice(0, 12)}\n${ran.stdout}${ran.stderr}`;
      }),
    );
    return texts.join('\n');
  }

  async #deploy(image: string, functions: readonly string[]): Promise<void> {
    const skep = await gatewayImage(connectEngine());
    for (const name of [skep, 'nats:2.9.10', image]) await this.engine.load(name);
    await this.#service('nats', {
      Image: 'nats:2.9.10',
      Args: ['--jetstream', '--store_dir', '/data'],
      Mounts: [{ Type: 'volume', Source: 'nats', Target: '/data' }],
    });
    await this.#service(
      'gateway',
      {
        Image: skep,
        Env: [
          'basic_auth=false',
          `functions_network=${NETWORK}`,
          'faas_nats_address=nats',
          'write_timeout=5s',
          `callback_allow=${this.ledger.host}`,
        ],
        Mounts: [{ Type: 'bind', Source: this.engine.socketPath, Target: '/var/run/docker.sock' }],
      },
      [{ Protocol: 'tcp', TargetPort: 8080, PublishedPort: 8080, PublishMode: 'host' }],
    );
    await this.#service('queue-worker', {
      Image: skep,
      Args: ['queue-worker'],
      Env: [
        'nats_host=nats',
        'gateway_url=http://gateway:8080',
        'initial_retry_wait=500ms',
        `callback_allow=${this.ledger.host}`,
      ],
    });
    await this.#answers();
    for (const service of functions) {
      const labels = { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.factor': '0' };
      const envVars = { ledger: this.ledger.url };
      const answer = await this.request('/system/functions', {
        method: 'POST',
        json: { service, image, labels, envVars },
      });
      if (answer.status !== 202) throw new Error(`${service}: ${answer.status} ${await answer.text()}`);
      await until(`${service} answers`, async () => {
        const called = await fetch(`${this.url}/function/${service}/`, { method: 'POST', body: 'warm 4' });
        return called.status === 200;
      });
    }
    this.ledger.runs.length = 0;
  }

  async #service(Name: string, container: object, Ports: readonly object[] = []): Promise<void> {
    await this.engine.docker.createService({}, {
      Name,
      TaskTemplate: {
        ContainerSpec: container,
        Networks: [{ Target: NETWORK }],
        RestartPolicy: { Condition: 'any', Delay: 5e8 },
      },
      EndpointSpec: { Mode: 'dnsrr', Ports: [...Ports] },
    } as never);
  }

  async #containers(service: string): Promise<string[]> {
    const filters = JSON.stringify({
      label: [`com.docker.swarm.service.name=${service}`],
      status: ['running'],
    });
    const found = await this.engine.docker.listContainers({ filters }).catch(() => []);
    return found.map(({ Id }) => Id);
  }

  #answers(withinMs = 60_000): Promise<void> {
    const answers = async (): Promise<boolean> => {
      const signal = AbortSignal.timeout(2000);
      const answer = await fetch(`${this.url}/healthz`, { signal }).catch(() => undefined);
      return answer?.status === 200;
    };
    return until('the gateway', answers, withinMs);
  }
}

/** This machine's own address on the network that an engine's one is in. */
function addressBeside(address: string): string {
  const network = address.slice(0, address.lastIndexOf('.') + 1);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address: own } of addresses ?? []) if (own.startsWith(network)) return own;
  }
  throw new Error(`this machine has no address beside ${address}`);
}
