import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliError, messageOf, systemCode } from './errors.ts';
import { capture } from './run-program.ts';
import type { Shell } from './shell.ts';

/** How long a container may take to end by itself. */
const STOP_MS = 10_000;
/** `docker run` itself failed; what was to run in the container never did. */
const DOCKER_FAILED = 125;

export interface ForegroundContainer {
  /** The exit code of `docker run`, which is the container's. Rejects when Docker cannot run it. */
  readonly ended: Promise<number>;
  /** Ends it, by force if need be; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Runs a container in the foreground; its output goes on line by line. @param args of `docker`, with `--rm` and `--name NAME` */
export function runContainer(
  shell: Pick<Shell, 'cwd' | 'env'>,
  { name, args, onLine }: { name: string; args: readonly string[]; onLine: (line: string) => void },
): ForegroundContainer {
  // A group of its own: Ctrl-C comes to us, and we end it in order.
  const child = spawn('docker', [...args], {
    cwd: shell.cwd,
    env: shell.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const last: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      last.push(line);
      if (last.length > 5) last.shift();
      onLine(line);
    });
  }
  let isStopping = false;
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      const isMissing = systemCode(error) === 'ENOENT';
      const reason = isMissing ? 'docker is not installed, or not on the PATH' : messageOf(error);
      reject(new CliError(`Cannot run docker: ${reason}`, { cause: error }));
    });
    child.on('close', (code) => {
      if (code === DOCKER_FAILED && !isStopping) reject(new CliError(whyNot(name, last.join('\n'))));
      else resolve(code ?? 128);
    });
  });
  ended.catch(() => {}); // told to whoever awaits it
  return {
    ended,
    stop: async () => {
      isStopping = true;
      child.kill('SIGTERM'); // docker passes it on to the container
      const timer = setTimeout(() => {
        void capture('docker', ['rm', '-f', name], shell).catch(() => child.kill('SIGKILL'));
      }, STOP_MS);
      await ended.catch(() => {});
      clearTimeout(timer);
    },
  };
}

function whyNot(name: string, said: string): string {
  const hint = /already in use by container/.test(said)
    ? `\nRemove the container of that name first: docker rm -f ${name}`
    : /port is already allocated|address already in use/.test(said)
      ? '\nChoose another port with --port, or 0 for any.'
      : /No such image|pull access denied|not found/i.test(said)
        ? '\nBuild it first: leave --build=false away.'
        : '';
  return `function ${name} was not started: docker run failed, the lines above say why${hint}`;
}
