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

const CGROUPS = '/sys/fs/cgroup';

/** Why a test can start no engine here; undefined when it can. */
export function whyNoOwnEngine(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to start engines';
  const missing = ['dockerd', 'containerd', 'nsenter', 'ip', 'iptables'].find(
    (program) => Bun.which(program) === null,
  );
  return missing === undefined ? undefined : `needs ${missing} on this machine`;
}

/** An engine with containers, network and storage of its own; the machine's engine knows nothing of it. */
export class OwnEngine {
  readonly docker: Docker;
  readonly socketPath: string;
  /** Of its network, which has no way to anywhere. */
  readonly namespace: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  /** @param group of a suite of tests alone: what an earlier run left behind is known by it. @param number of the engine in it */
  constructor(group: string, number = 0) {
    this.#folder = join(rootOf(group), `${number}`);
    this.namespace = `${group}-${number}`;
    this.socketPath = join(this.#folder, 'docker.sock');
    this.docker = connectEngine({ DOCKER_HOST: `unix://${this.socketPath}` });
  }

  /** @param settings as daemon.json has them. @throws {Error} with its log when it does not start */
  async open(settings: object = {}): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, 'daemon.json'), JSON.stringify(settings)); // not the machine's own
    must('ip', 'netns', 'add', this.namespace);
    this.link();
    await this.start();
  }

  /** Gives its network what it is to have. */
  protected link(): void {
    must('ip', '-n', this.namespace, 'link', 'set', 'lo', 'up');
  }

  async start(): Promise<void> {
    // `nsenter --net` and not `ip netns exec`, which would hide the cgroups. docker0 is the namespace's own.
    const paths = ['data-root', 'exec-root'].flatMap((what) => [`--${what}`, join(this.#folder, what)]);
    const log = join(this.#folder, 'log');
    const output = openSync(log, 'a');
    const child = spawn(
      'nsenter',
      [
        ...[`--net=/run/netns/${this.namespace}`, 'dockerd', ...paths],
        ...['--pidfile', join(this.#folder, 'pid'), '--config-file', join(this.#folder, 'daemon.json')],
        ...['--host', `unix://${this.socketPath}`, '--cgroup-parent', this.namespace],
        '--exec-opt=native.cgroupdriver=cgroupfs', // whose parents are no systemd slices
      ],
      // A file, and no pipe of this process: its containerd writes on when it is killed.
      { stdio: ['ignore', output, output] },
    );
    closeSync(output);
    this.#process = child;
    await until(`the engine ${this.namespace}`, async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`dockerd ended:\n${readFileSync(log, 'utf8').slice(-2000)}`);
      return this.docker.version().then(
        () => true,
        () => false,
      );
    });
  }

  /** Takes other settings while it runs, of those that it can. */
  reload(settings: object): void {
    writeFileSync(join(this.#folder, 'daemon.json'), JSON.stringify(settings));
    this.#process?.kill('SIGHUP');
  }

  /** As the machine's service manager stops it: containers are asked to end, then it ends. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** With `SIGKILL`: its containers run on, until the next one that starts ends them. */
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

  /** Takes an image from the machine's engine. */
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

/** Engines of this run or of one that was killed: processes, mounts, namespaces, files. Everything is known by the group's name or folder. */
export async function removeOwnEngines(group: string): Promise<void> {
  const root = rootOf(group);
  for (let attempt = 0; ; attempt++) {
    const left = processesOf(group);
    if (left.length === 0) break;
    if (attempt > 200) throw new Error(`processes of an engine do not end: ${left.join()}`);
    for (const pid of left) signal(pid);
    await Bun.sleep(50);
  }
  for (const namespace of existsSync('/run/netns') ? readdirSync('/run/netns') : []) {
    if (namespace.startsWith(`${group}-`)) spawnSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
  }
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${root}/`));
  for (const path of mounts.reverse()) spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  rmSync(root, { recursive: true, force: true });
  // One tree for each controller, or (version 2) one for all.
  for (const tree of [CGROUPS, ...foldersIn(CGROUPS)]) {
    for (const path of foldersIn(tree)) if (path.startsWith(join(tree, `${group}-`))) removeCgroup(path);
  }
}

/** Short: the engine's sockets lie in it, whose paths have at most 107 characters. */
function rootOf(group: string): string {
  return join(tmpdir(), `skep-engines-${group}`);
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
function processesOf(group: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid) || pid === process.pid) return [];
    const isOurs =
      read(`/proc/${entry}/cmdline`).includes(`${rootOf(group)}/`) ||
      new RegExp(`:/${group}-\\d+(?:/|$)`, 'm').test(read(`/proc/${entry}/cgroup`));
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

export function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
