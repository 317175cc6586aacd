import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { until } from './platform.ts';

/** Of these tests alone: what an earlier run left behind is known by it. */
const NAME = 'skepzl';
const ROOT = join(tmpdir(), 'skep-engine-swarm');
const BRIDGE = `${NAME}-br`;
/** A network for documentation: no machine has a route to it. */
const NETWORK = '198.51.100';
const OVERLAY = 'skep-functions';
const CGROUPS = '/sys/fs/cgroup';

/** One engine with containers, network and storage of its own; the machine's engine knows nothing of it. */
export interface Engine {
  /** Its address among the engines and for this process. */
  readonly address: string;
  readonly docker: Docker;
  readonly socketPath: string;
  /** Id of its node in the swarm. */
  readonly node: string;
  /** Takes an image from the machine's engine. */
  load(image: string): Promise<void>;
  /** As the machine's service manager stops it: containers are asked to end, then it ends. */
  stop(): Promise<void>;
  /** With `SIGKILL`: its containers run on, until the next one that starts ends them. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** No packet comes or goes any more, and nobody is told: as if the machine had lost its power. */
  cut(): void;
  mend(): void;
}

/** A swarm of several engines on this machine: the first is its manager, the others are workers. */
export interface EngineSwarm {
  readonly manager: Engine;
  readonly workers: readonly Engine[];
  close(): Promise<void>;
}

/** Why it cannot be had here; undefined when it can. */
export function whyNoEngineSwarm(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to start engines';
  const missing = ['dockerd', 'containerd', 'nsenter', 'ip', 'iptables'].find(
    (program) => Bun.which(program) === null,
  );
  return missing === undefined ? undefined : `needs ${missing} on this machine`;
}

/** @throws {Error} with the log of an engine that does not start */
export async function openEngineSwarm(workerCount: number): Promise<EngineSwarm> {
  await removeLeftovers();
  mkdirSync(ROOT, { recursive: true });
  must('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  must('ip', 'addr', 'add', `${NETWORK}.1/24`, 'dev', BRIDGE);
  must('ip', 'link', 'set', BRIDGE, 'up');
  must('iptables', '-I', 'FORWARD', ...FORWARD);
  const hosts = Array.from({ length: workerCount + 1 }, (_, number) => new Host(number));
  try {
    await Promise.all(hosts.map((host) => host.open()));
    const [manager, ...workers] = hosts as [Host, ...Host[]];
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
    await Promise.all(hosts.map((host) => host.joined()));
    return { manager, workers, close: removeLeftovers };
  } catch (error) {
    await removeLeftovers();
    throw error;
  }
}

const FORWARD = ['-i', BRIDGE, '-o', BRIDGE, '-j', 'ACCEPT'];

class Host implements Engine {
  readonly address: string;
  readonly docker: Docker;
  readonly socketPath: string;
  node = '';
  readonly #folder: string;
  readonly #namespace: string;
  readonly #veth: string;
  #process: ChildProcess | undefined;

  constructor(number: number) {
    this.address = `${NETWORK}.${10 + number}`;
    this.#folder = join(ROOT, `${number}`);
    this.#namespace = `${NAME}-${number}`;
    this.#veth = `${NAME}-v${number}`;
    this.socketPath = join(this.#folder, 'docker.sock');
    this.docker = connectEngine({ DOCKER_HOST: `unix://${this.socketPath}` });
  }

  async open(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, 'daemon.json'), '{}'); // not the machine's own
    must('ip', 'netns', 'add', this.#namespace);
    const inside = ['ip', '-n', this.#namespace] as const;
    must('ip', 'link', 'add', this.#veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#namespace);
    must('ip', 'link', 'set', this.#veth, 'master', BRIDGE, 'up');
    must(...inside, 'addr', 'add', `${this.address}/24`, 'dev', 'eth0');
    must(...inside, 'link', 'set', 'eth0', 'up');
    must(...inside, 'link', 'set', 'lo', 'up');
    // No route to anywhere else: an engine that looks for an image in a registry is told so at once, and takes its own.
    await this.start();
  }

  async start(): Promise<void> {
    // `nsenter --net` and not `ip netns exec`, which would hide the cgroups. docker0 is the namespace's own.
    const paths = ['data-root', 'exec-root'].flatMap((what) => [`--${what}`, join(this.#folder, what)]);
    const log = join(this.#folder, 'log');
    const output = openSync(log, 'a');
    const child = spawn(
      'nsenter',
      [
        ...[`--net=/run/netns/${this.#namespace}`, 'dockerd', ...paths],
        ...['--pidfile', join(this.#folder, 'pid'), '--config-file', join(this.#folder, 'daemon.json')],
        ...['--host', `unix://${this.socketPath}`, '--cgroup-parent', this.#namespace],
        '--exec-opt=native.cgroupdriver=cgroupfs', // whose parents are no systemd slices
      ],
      // A file, and no pipe of this process: its containerd writes on when it is killed.
      { stdio: ['ignore', output, output] },
    );
    closeSync(output);
    this.#process = child;
    await until(`the engine ${this.address}`, async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`dockerd ended:\n${readFileSync(log, 'utf8').slice(-2000)}`);
      return this.docker.version().then(
        () => true,
        () => false,
      );
    });
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    // Its containerd ends with it, and where nobody buries that the next engine takes the dead one for a living one.
    rmSync(join(this.#folder, 'exec-root', 'containerd', 'containerd.pid'), { force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

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

  async load(image: string): Promise<void> {
    const saved = await connectEngine().getImage(image).get();
    const answer = await this.docker.loadImage(saved);
    await new Promise<void>((resolve, reject) => {
      answer.on('data', () => {});
      answer.on('end', resolve);
      answer.on('error', reject);
    });
    await this.docker.getImage(image).inspect();
  }
}

/** Of this run or of one that was killed: processes, mounts, interfaces, files. Everything is known by its name or by the folder. */
async function removeLeftovers(): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const left = processesOf();
    if (left.length === 0) break;
    if (attempt > 200) throw new Error(`processes of an engine do not end: ${left.join()}`);
    for (const pid of left) signal(pid);
    await Bun.sleep(50);
  }
  for (const namespace of existsSync('/run/netns') ? readdirSync('/run/netns') : []) {
    if (namespace.startsWith(`${NAME}-`)) ip('netns', 'del', namespace);
  }
  ip('link', 'del', BRIDGE);
  while (spawnSync('iptables', ['-D', 'FORWARD', ...FORWARD], { stdio: 'ignore' }).status === 0);
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${ROOT}/`));
  for (const path of mounts.reverse()) spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  rmSync(ROOT, { recursive: true, force: true });
  // One tree for each controller, or (version 2) one for all.
  for (const tree of [CGROUPS, ...foldersIn(CGROUPS)]) {
    for (const path of foldersIn(tree)) if (path.startsWith(join(tree, `${NAME}-`))) removeCgroup(path);
  }
}

function foldersIn(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

function removeCgroup(path: string): void {
  for (const inner of foldersIn(path)) removeCgroup(inner);
  try {
    rmdirSync(path);
  } catch {
    // The kernel still tidies up in it: the next run removes it.
  }
}

/** The engines, their containerds and shims by their folder, what ran in their containers by its cgroup. */
function processesOf(): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid) || pid === process.pid) return [];
    const isOurs =
      read(`/proc/${entry}/cmdline`).includes(`${ROOT}/`) ||
      new RegExp(`:/${NAME}-\\d+(?:/|$)`, 'm').test(read(`/proc/${entry}/cgroup`));
    return isOurs ? [pid] : [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function ip(...args: string[]): void {
  spawnSync('ip', args, { stdio: 'ignore' });
}

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
