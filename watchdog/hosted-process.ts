import { closeSync } from 'node:fs';
import { ChildLog } from './child-log.ts';
import type { Command } from './command.ts';
import type { WatchdogConfig } from './config.ts';
import { log } from './log.ts';
import { goSignalText } from './outcome.ts';
import { closePipe, openPipe, type Pipe } from './pipe.ts';
import { keepGroup } from './run-process.ts';
import { notFoundText, startErrorText } from './start-error.ts';

export interface HostOptions {
  readonly command: Command;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly config: WatchdogConfig;
}

/** After its end, what a process wrote last is waited for this long: a descendant may hold its output open for ever. */
const LAST_OUTPUT_MS = 500;

/** A process that serves many requests and lives as long as the watchdog. Its output goes to the container's log. */
export class HostedProcess {
  /** How it ended, as `exit status 3` or `signal: killed`; settled when it was reaped and its last output is in the log. */
  readonly ended: Promise<string>;
  readonly #pid: number;
  #isRunning = true;

  /** @throws {Error} when it cannot be started */
  constructor({ command, env, config }: HostOptions) {
    if (command.path === undefined) throw new Error(notFoundText(command.name));
    log(`Forking: ${command.name}, arguments: [${command.args.join(' ')}]`);
    const pipes: Pipe[] = [];
    try {
      const [output, errors] = [openPipe(), openPipe()];
      pipes.push(output, errors);
      const child = Bun.spawn({
        cmd: [command.path, ...command.args],
        argv0: command.name,
        env,
        stdin: 'ignore',
        stdout: output.writeFd,
        stderr: errors.writeFd,
        // Detached, so the child leads its own group and a signal reaches its children.
        detached: true,
      });
      keepGroup(child.pid);
      this.#pid = child.pid;
      closeSync(output.writeFd);
      closeSync(errors.writeFd);
      const logged = Promise.all([
        pump(errors.readFd, new ChildLog('stderr', config)),
        pump(output.readFd, new ChildLog('stdout', config)),
      ]);
      this.ended = this.#follow(child, logged);
    } catch (cause) {
      for (const pipe of pipes) closePipe(pipe);
      throw new Error(startErrorText(command, cause), { cause });
    }
  }

  /** Asks its whole group to end. What is left of it when the watchdog ends is killed. */
  terminate(): void {
    if (!this.#isRunning) return;
    try {
      process.kill(-this.#pid, 'SIGTERM');
    } catch {
      // The group has ended by itself.
    }
  }

  async #follow(child: Bun.Subprocess, logged: Promise<unknown>): Promise<string> {
    await child.exited;
    this.#isRunning = false;
    await Promise.race([logged, new Promise((resolve) => setTimeout(resolve, LAST_OUTPUT_MS))]);
    // What is left of its group is killed with the watchdog, which ends now too.
    const { exitCode, signalCode } = child;
    return signalCode === null ? `exit status ${exitCode}` : `signal: ${goSignalText(String(signalCode))}`;
  }
}

async function pump(fd: number, to: ChildLog): Promise<void> {
  try {
    for await (const bytes of Bun.file(fd).stream()) {
      await to.write(bytes);
      // A process that prints without end would otherwise keep us from its callers.
      await new Promise(setImmediate);
    }
    to.end();
  } catch (error) {
    log(`cannot read the output of the process: ${(error as Error).message}`);
  } finally {
    closeSync(fd); // the stream leaves it open
  }
}
