import { spawnSync } from 'node:child_process';
import { must, OwnEngine, removeOwnEngines, whyNoOwnEngine } from './own-engine.ts';
import { until } from './platform.ts';

const NAME = 'skepzl';
const BRIDGE = `${NAME}-br`;
/** A network for documentation: no machine has a route to it. */
const NETWORK = '198.51.100';
const OVERLAY = 'skep-functions';
const FORWARD = ['-i', BRIDGE, '-o', BRIDGE, '-j', 'ACCEPT'];

/** A swarm of several engines on this machine: the first is its manager, the others are workers. */
export interface EngineSwarm {
  readonly manager: Engine;
  readonly workers: readonly Engine[];
  close(): Promise<void>;
}

/** Why it cannot be had here; undefined when it can. */
export const whyNoEngineSwarm: () => string | undefined = whyNoOwnEngine;

/** @throws {Error} with the log of an engine that does not start */
export async function openEngineSwarm(workerCount: number): Promise<EngineSwarm> {
  await removeLeftovers();
  must('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  must('ip', 'addr', 'add', `${NETWORK}.1/24`, 'dev', BRIDGE);
  must('ip', 'link', 'set', BRIDGE, 'up');
  must('iptables', '-I', 'FORWARD', ...FORWARD);
  const engines = Array.from({ length: workerCount + 1 }, (_, number) => new Engine(number));
  try {
    await Promise.all(engines.map((engine) => engine.open()));
    const [manager, ...workers] = engines as [Engine, ...Engine[]];
    await manager.docker.swarmInit({
      AdvertiseAddr: manager.address,
      ListenAddr: `${manager.address}:2377`,
      // A node is given up after three of them.
      Spec: { Dispatcher: { HeartbeatPeriod: 2e9 } },
    });
    const swarm = await manager.docker.swarmInspect();
    for (const worker of workers) {
      await worker.docker.swarmJoin({
        AdvertiseAddr: worker.address,
        ListenAddr: `${worker.address}:2377`,
        RemoteAddrs: [`${manager.address}:2377`],
        JoinToken: swarm.JoinTokens.Worker,
      });
    }
    await manager.docker.createNetwork({ Name: OVERLAY, Driver: 'overlay', Attachable: true });
    await Promise.all(engines.map((engine) => engine.joined()));
    return { manager, workers, close: removeLeftovers };
  } catch (error) {
    await removeLeftovers();
    throw error;
  }
}

/** One engine of the swarm. */
export class Engine extends OwnEngine {
  /** Its address among the engines and for this process. */
  readonly address: string;
  /** Id of its node in the swarm. */
  node = '';
  readonly #veth: string;

  constructor(number: number) {
    super(NAME, number);
    this.address = `${NETWORK}.${10 + number}`;
    this.#veth = `${NAME}-v${number}`;
  }

  /** No route to anywhere else: an engine that looks for an image in a registry is told so at once, and takes its own. */
  protected override link(): void {
    super.link();
    const inside = ['ip', '-n', this.namespace] as const;
    must('ip', 'link', 'add', this.#veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.namespace);
    must('ip', 'link', 'set', this.#veth, 'master', BRIDGE, 'up');
    must(...inside, 'addr', 'add', `${this.address}/24`, 'dev', 'eth0');
    must(...inside, 'link', 'set', 'eth0', 'up');
  }

  /** No packet comes or goes any more, and nobody is told: as if the machine had lost its power. */
  cut(): void {
    must('ip', 'link', 'set', this.#veth, 'down');
  }

  mend(): void {
    must('ip', 'link', 'set', this.#veth, 'up');
  }

  async joined(): Promise<void> {
    await until(`${this.address} in the swarm`, async () => {
      const { Swarm } = (await this.docker.info()) as {
        Swarm?: { NodeID?: string; LocalNodeState?: string };
      };
      this.node = Swarm?.NodeID ?? '';
      return Swarm?.LocalNodeState === 'active';
    });
  }
}

async function removeLeftovers(): Promise<void> {
  await removeOwnEngines(NAME);
  spawnSync('ip', ['link', 'del', BRIDGE], { stdio: 'ignore' });
  while (spawnSync('iptables', ['-D', 'FORWARD', ...FORWARD], { stdio: 'ignore' }).status === 0);
}
