import type { FromWorker, ToWorker } from './messages.ts';
import { OWN_PROGRAM } from './worker-command.ts';

export interface WorkerProcessOptions {
  readonly command: readonly string[];
  readonly onMessage: (message: FromWorker) => void;
  /** Called once, also when it could not be started. */
  readonly onEnd: (how: string) => void;
}

/** One worker as the control process sees it. */
export interface WorkerProcess {
  readonly pid: number;
  /** Lost when the process has ended: `onEnd` tells. */
  send(message: ToWorker): void;
  /** Ends the channel: a worker that has nothing left to do then ends. */
  release(): void;
  kill(): void;
}

/** Starts a worker. It inherits standard output and error, and nothing else: no environment, no input. */
export function startWorkerProcess({ command, onMessage, onEnd }: WorkerProcessOptions): WorkerProcess {
  let hasEnded = false;
  const child = Bun.spawn([...command], {
    env: {},
    // What lists of processes show: the file's name, however it is reached.
    ...(command[0] === OWN_PROGRAM && { argv0: process.execPath }),
    stdio: ['ignore', 'inherit', 'inherit'],
    serialization: 'advanced',
    ipc: (message) => {
      // What comes after the end would be counted for somebody who is not there.
      if (!hasEnded) onMessage(message as FromWorker);
    },
    onExit: ({ signalCode }, exitCode, _signal, error) => {
      hasEnded = true;
      onEnd(error?.message ?? (signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`));
    },
  });
  return {
    pid: child.pid,
    send: (message) => {
      try {
        child.send(message);
      } catch {
        // It has ended, or is ending.
      }
    },
    release: () => {
      try {
        child.disconnect();
      } catch {
        // Gone already.
      }
    },
    kill: () => child.kill('SIGKILL'),
  };
}
