import type { CallHandler } from '../call.ts';
import type { Command } from '../command.ts';
import type { WatchdogConfig } from '../config.ts';

export interface ModeOptions {
  readonly config: WatchdogConfig;
  /** The watchdog's own environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Resolved anew while it is missing, so that a program that appears later is found. Not to be called in mode `static`. */
  readonly command: () => Command;
  /** Ends the watchdog: for a mode whose own process has ended. The log line is the mode's to write. */
  readonly end: (exitCode: number) => void;
}

/** A mode at work. */
export interface RunningMode {
  readonly handler: CallHandler;
  /** SIGTERM came: called at once, before the watchdog's own wait and drain. */
  readonly terminate?: () => void;
  /** Whether calls can be served now: the watchdog is healthy no sooner. Absent: always. */
  readonly isServing?: () => boolean;
  /** Processes started ahead, to be shown in the metrics. */
  readonly pool?: { readonly waiting: number; readonly starting: number };
}
