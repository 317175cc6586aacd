import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Problem } from '../shell/problem.ts';
import type { Step } from '../shell/progress.ts';
import { lastLines, mustRun, runCommand } from '../shell/run-command.ts';
import { installPackages } from './apt.ts';

const ENGINE_LOG = '/var/log/dockerd.log';
const PID_FILE = '/var/run/docker.pid';
const START_LIMIT_MS = 60_000;
/** Docker 20.10. */
const OLDEST_API = 1.41;

/** What keeps the engine from answering. */
export type EngineState = 'answers' | 'no_client' | 'no_permission' | 'silent';

/**
 * Makes sure that an engine answers: the one that `DOCKER_HOST` names, or this machine's, which is installed and started when it is
 * not there and we may.
 * @throws {Problem} when that is not possible
 */
export async function ensureEngine(step: Step): Promise<void> {
  try {
    await findEngine(step);
  } catch (error) {
    throw error instanceof Problem ? withoutEngine(error) : error;
  }
}

/** What can be had where an engine cannot. */
function withoutEngine({ message, advice, cause }: Problem): Problem {
  return new Problem(
    message,
    `${advice}\n\nWithout Docker: \`npm run dev\` runs the gateway and the functions of examples/ on this machine (docs/dev.md).`,
    { cause },
  );
}

async function findEngine(step: Step): Promise<void> {
  if (Bun.which('docker') === null || (!process.env['DOCKER_HOST'] && !(await isEngineInstalled()))) {
    await step('installing the Docker engine from the distribution', installEngine);
  }
  const { state, message } = await engineState();
  if (state === 'no_permission') {
    throw new Problem(
      `this user may not talk to the Docker engine: ${message}`,
      'Run this as root, or let the user in with `sudo usermod -aG docker $USER`, log in again and run this again.',
    );
  }
  if (state !== 'answers') {
    const host = process.env['DOCKER_HOST'];
    if (host) {
      throw new Problem(
        `no engine answers at DOCKER_HOST=${host}: ${message}`,
        'Start that engine, or unset DOCKER_HOST to use the one of this machine.',
      );
    }
    await step('starting the Docker engine', startEngine);
  }
  await checkVersion();
}

async function engineState(): Promise<{ state: EngineState; message: string }> {
  const result = await runCommand(['docker', 'version', '--format', '{{.Server.Version}}'], {
    timeoutMs: 30_000,
  });
  if (result.exitCode === 0) return { state: 'answers', message: '' };
  const message = lastLines(result.stderr, 1).trim() || 'no answer in 30 seconds';
  if (result.exitCode === 127) return { state: 'no_client', message };
  return { state: /permission denied/i.test(message) ? 'no_permission' : 'silent', message };
}

/** A client without an engine is common: the engine counts when its program is here, or when one answers anyway. */
async function isEngineInstalled(): Promise<boolean> {
  return Bun.which('dockerd') !== null || (await engineState()).state !== 'silent';
}

async function installEngine(): Promise<void> {
  const isDebianLike =
    existsSync('/etc/os-release') &&
    /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  if (!isDebianLike || process.getuid?.() !== 0) {
    throw new Problem(
      'there is no Docker engine on this machine',
      isDebianLike
        ? 'Run this as root to have it installed from the distribution, or run `sudo apt-get install docker.io` yourself.'
        : 'Install Docker Engine 20.10 or newer (https://docs.docker.com/engine/install/), start it, then run this again.',
    );
  }
  await installPackages(['docker.io', 'iptables', 'ca-certificates']);
  // Newer distributions split the client from the engine.
  if (Bun.which('docker') === null) await installPackages(['docker-cli']);
}

async function startEngine(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Problem(
      'the Docker engine is installed but does not run',
      'Start it with `sudo systemctl start docker` (or `sudo dockerd`), or run this as root.',
    );
  }
  if (existsSync('/run/systemd/system')) {
    await mustRun(['systemctl', 'enable', '--now', 'docker'], {
      advice: '`journalctl -u docker` tells why it did not start.',
    });
    await untilAnswers(() => true);
    return;
  }
  removeStalePidFile();
  const log = openSync(ENGINE_LOG, 'a');
  // Detached: it leads its own session and outlives this script and its terminal.
  const daemon = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let alive = true;
  daemon.on('exit', () => {
    alive = false;
  });
  daemon.unref();
  await untilAnswers(() => alive);
}

async function untilAnswers(isAlive: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadlineMs && isAlive()) {
    if ((await engineState()).state === 'answers') return;
    await Bun.sleep(200);
  }
  const log = existsSync(ENGINE_LOG) ? lastLines(readFileSync(ENGINE_LOG, 'utf8'), 8) : '';
  throw new Problem(
    `the Docker engine did not start:\n${log}`,
    `Its log is ${ENGINE_LOG} (\`journalctl -u docker\` with systemd). Mend what it says, then run this again.`,
  );
}

/** After a crash the file may name a process that is something else by now, and dockerd would refuse to start. */
function removeStalePidFile(): void {
  if (!existsSync(PID_FILE)) return;
  const commandFile = `/proc/${readFileSync(PID_FILE, 'utf8').trim()}/comm`;
  if (!existsSync(commandFile) || readFileSync(commandFile, 'utf8').trim() !== 'dockerd') rmSync(PID_FILE);
}

async function checkVersion(): Promise<void> {
  const version = await mustRun(
    ['docker', 'version', '--format', '{{.Server.APIVersion}} {{.Server.Version}} {{.Server.Os}}'],
    {
      advice: 'Run this again; when it stays so, restart the engine.',
    },
  );
  const [api = '', release = '', system = ''] = version.split(' ');
  if (Number(api.split('.')[0]) < 1 || Number(api) < OLDEST_API || system !== 'linux') {
    throw new Problem(
      `this engine is Docker ${release} (API ${api}, ${system})`,
      `Skep needs Docker 20.10 (API ${OLDEST_API}) or newer on Linux: update the engine, then run this again.`,
    );
  }
}
