import type { Command } from './command.ts';
import { type FollowOptions, type RunningProcess, runProcess } from './run-process.ts';

/** One call's wish for a process. */
export interface ProcessRequest extends FollowOptions {
  /** The request as environment variables (see cgi-env.ts), beside the watchdog's own; undefined: none. */
  readonly variables: Readonly<Record<string, string>> | undefined;
  /** Everything the process reads, or `stream`: written piece by piece. */
  readonly stdin: Uint8Array | 'stream';
}

/** Gets a fresh process for one call: forks it, takes one that waits, or has it forked by another process. */
export type ProcessRunner = (request: ProcessRequest) => RunningProcess;

export interface ForkRunnerOptions {
  /** The watchdog's own environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Called for each request, so that a program that appears later is found. */
  readonly command: () => Command;
  readonly onFork?: () => void;
}

/** Starts the process when its request is there: the classic way. */
export function forkRunner({ baseEnv, command: commandNow, onFork }: ForkRunnerOptions): ProcessRunner {
  return ({ variables, ...rest }) => {
    onFork?.();
    const command = commandNow();
    return runProcess({ ...rest, command, env: { ...baseEnv, ...command.env, ...variables } });
  };
}
