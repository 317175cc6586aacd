import { randomUUID } from 'node:crypto';
import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { Rollout } from '../../contract/function-types.ts';
import type { Deployed, Known, Replica } from '../functions/provider.ts';
import { readyPath } from '../functions/ready-path.ts';
import type { OwnPorts } from './own-upstream.ts';
import { ReplicaProcess } from './replica-process.ts';
import type { Version } from './version.ts';

/** How long after a deployment its outcome is open. */
const RECENT_MS = 10 * 60_000;
/** Processes of one function that may be on their way at a time: they take all of a laptop. */
const MOST_STARTING = 4;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** A replica that has lived so long has not failed to start: the next one comes as quickly as after a first failure. */
const LIVED_MS = 10_000;
/** Attempts to start, with none that ran, after which a first deployment is called failed. */
const HOPELESS_AFTER = 3;

export interface FunctionProcessesOptions {
  readonly ref: FunctionRef;
  readonly command: readonly string[];
  readonly ports: OwnPorts;
  readonly onChange: () => void;
  /** @param instance '' for a line of the cluster's own */
  readonly onLine: (instance: string, text: string) => void;
  /** No replica of it is left, nor will there be one. */
  readonly onVersionUnused: (version: Version) => void;
}

/** One function: what it should be, and processes that are made to be that. */
export class FunctionProcesses {
  readonly ref: FunctionRef;
  readonly createdAt = new Date().toISOString();
  readonly #options: FunctionProcessesOptions;
  #version: Version;
  /** What a revert brings back. */
  #before: Version | undefined;
  #deployed: { readonly id: string; readonly at: Date };
  /** Why the last deployment was taken back. */
  #failure: string | undefined;
  /** A replica of the new version ended before one has answered, while others of before serve. */
  #isRolloutStopped = false;
  #hasAnswered = false;
  #desired: number;
  readonly #replicas = new Set<ReplicaProcess>();
  /** Those that run, may be gone back to, or still end. */
  readonly #versions = new Set<Version>();
  /** Replicas that ended by themselves and are not replaced yet. */
  #fallen: { readonly id: string; readonly error: string; readonly isOutdated?: true }[] = [];
  #failedStarts = 0;
  #lastError: string | undefined;
  #ended = 0;
  #pauseMs = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isRemoved = false;

  constructor(options: FunctionProcessesOptions, { version, desired }: Goal) {
    this.#options = options;
    this.ref = options.ref;
    this.#version = version;
    this.#versions.add(version);
    this.#desired = desired;
    this.#deployed = { id: randomUUID(), at: new Date() };
    this.#reconcile();
  }

  get version(): Version {
    return this.#version;
  }

  get desired(): number {
    return this.#desired;
  }

  /** Replicas that calls may be sent to. */
  get available(): number {
    return this.#live().filter(({ port }) => port !== undefined).length;
  }

  get rollout(): Rollout {
    if (this.#failure !== undefined) return { state: 'failed', error: this.#failure };
    if (this.#desired === 0) return { state: 'done' };
    const live = this.#live();
    const isDone = live.length > 0 && live.every((one) => this.#isCurrent(one) && one.hasAnswered);
    if (isDone || (this.#hasAnswered && live.every((one) => this.#isCurrent(one)))) return { state: 'done' };
    const error = this.#lastError;
    const isHopeless = this.#failedStarts >= HOPELESS_AFTER && !live.some(({ hasAnswered }) => hasAnswered);
    if (isHopeless && error !== undefined) return { state: 'failed', error };
    return { state: 'running', ...(error !== undefined && { error }) };
  }

  /** The last deployment, while its outcome is open. */
  get deployed(): Deployed | undefined {
    const { id, at } = this.#deployed;
    if (this.#failure !== undefined || Date.now() - at.getTime() > RECENT_MS) return undefined;
    return {
      id,
      at: at.toISOString(),
      isRevertible: this.#before !== undefined,
      ...(this.#isRolloutStopped && { isStopped: true }),
    };
  }

  get replicas(): Replica[] {
    const live = this.#live();
    const told = live.map((one): Replica => {
      const isRunning = one.port !== undefined;
      return {
        id: one.id,
        address: isRunning ? '127.0.0.1' : undefined,
        ...(one.port !== undefined && { port: one.port }),
        isRunning,
        ...(!this.#isCurrent(one) && { isOutdated: true }),
        ...(!isRunning && one.lastError !== undefined && { error: one.lastError }),
      };
    });
    // While others of before serve, too: it is what the roll-out waits for.
    const missing = this.#desired - live.filter((one) => this.#isCurrent(one)).length;
    const fallen = this.#fallen.slice(0, Math.max(0, missing));
    return [...told, ...fallen.map((one) => ({ ...one, address: undefined, isRunning: false }))];
  }

  /** Replicas that ended by themselves since this was asked last. */
  takeEnded(): number {
    const ended = this.#ended;
    this.#ended = 0;
    return ended;
  }

  /** Replicas of what is replaced serve until new ones have answered. */
  deploy({ version, desired }: Goal, known: Known | undefined): void {
    const isProven = known?.provenId === undefined ? this.#hasAnswered : known.provenId === this.#deployed.id;
    // Of versions that never answered none is worth going back to, unless there is no other.
    if (isProven || this.#before === undefined || this.#failure !== undefined) this.#before = this.#version;
    this.#deployed = { id: randomUUID(), at: new Date() };
    this.#become(version);
    this.#failure = undefined;
    this.#desired = desired;
    this.#reconcile();
  }

  scale(desired: number): void {
    this.#desired = desired;
    this.#reconcile();
  }

  revert({ deployedId, error }: { readonly deployedId: string; readonly error: string }): boolean {
    const back = this.#before;
    if (back === undefined || this.#failure !== undefined || this.#deployed.id !== deployedId) return false;
    this.#before = undefined;
    this.#become(back);
    this.#failure = error;
    this.#reconcile();
    return true;
  }

  /** Ends all replicas. @returns settled when they have ended */
  async remove(graceMs?: number): Promise<void> {
    this.#isRemoved = true;
    this.#fallen = [];
    clearTimeout(this.#retry);
    for (const one of this.#replicas) one.stop(graceMs);
    await Promise.all([...this.#replicas].map(({ ended }) => ended));
    for (const version of this.#versions) this.#options.onVersionUnused(version);
    this.#versions.clear();
  }

  /** @internal Ids of the watchdogs' processes. */
  get pids(): number[] {
    return [...this.#replicas].flatMap(({ pid }) => pid ?? []);
  }

  /** Of the versions that run, may be gone back to, or still end. */
  get folders(): string[] {
    return [...this.#versions].map(({ folder }) => folder);
  }

  #become(version: Version): void {
    this.#version = version;
    this.#versions.add(version);
    this.#isRolloutStopped = false;
    this.#failedStarts = 0;
    this.#lastError = undefined;
    this.#fallen = [];
    this.#pauseMs = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#hasAnswered = this.#live().some((one) => this.#isCurrent(one) && one.hasAnswered);
    this.#forgetUnused();
  }

  /** Makes what there is into what should be; called after each change of either. */
  #reconcile(): void {
    if (this.#isRemoved) return;
    this.#stopSurplus();
    this.#startMissing();
    this.#options.onChange();
  }

  #stopSurplus(): void {
    const live = this.#live();
    const current = live.filter((one) => this.#isCurrent(one)).toSorted(readiestFirst);
    const old = live.filter((one) => !this.#isCurrent(one)).toSorted(readiestFirst);
    for (const one of current.slice(this.#desired)) one.stop();
    const ready = current.slice(0, this.#desired).filter(({ hasAnswered }) => hasAnswered).length;
    for (const one of old.slice(this.#desired - ready)) one.stop();
  }

  #startMissing(): void {
    if (this.#retry !== undefined) return;
    const live = this.#live();
    const current = live.filter((one) => this.#isCurrent(one)).length;
    const starting = live.filter(({ hasAnswered }) => !hasAnswered).length;
    const isRollout = live.length > current;
    if (isRollout && this.#isRolloutStopped && live.length >= this.#desired) return;
    // One after the other while there are some of before: each is to answer before the next of those goes.
    const room = isRollout ? Math.max(1, this.#desired - live.length) : MOST_STARTING;
    const count = Math.min(this.#desired - current, room - (isRollout ? this.#startingCurrent() : starting));
    for (let started = 0; started < count; started++) this.#start();
  }

  #startingCurrent(): number {
    return this.#live().filter((one) => this.#isCurrent(one) && !one.hasAnswered).length;
  }

  #start(): void {
    const { command, ports, onLine } = this.#options;
    const version = this.#version;
    const replica: ReplicaProcess = new ReplicaProcess({
      version,
      command,
      ports,
      key: qualifiedName(this.ref),
      healthPath: readyPath(version.deployment.annotations ?? {}),
      lastError: this.#fallen.shift()?.error,
      onLine: ({ id }, text) => onLine(id, text),
      onChange: () => {
        if (replica.hasAnswered && this.#isCurrent(replica)) {
          this.#hasAnswered = true;
          this.#failedStarts = 0;
        }
        this.#reconcile();
      },
      onEnd: (one, error) => this.#onEnd(one, error),
    });
    this.#replicas.add(replica);
  }

  #onEnd(replica: ReplicaProcess, error: string | undefined): void {
    this.#replicas.delete(replica);
    if (error !== undefined && !this.#isRemoved) this.#fell(replica, error);
    if (replica.wasCutOff) {
      const text =
        'did not end in the time that it had, and was killed: calls that it still served were cut off';
      this.#options.onLine('', `replica ${replica.id} ${text}`);
    }
    this.#forgetUnused();
    this.#reconcile();
  }

  #fell(replica: ReplicaProcess, error: string): void {
    this.#ended++;
    if (this.#isCurrent(replica)) {
      this.#lastError = error;
      if (!replica.hasAnswered) this.#failedStarts++;
      this.#isRolloutStopped = !this.#hasAnswered && this.#live().some((one) => !this.#isCurrent(one));
    }
    this.#fallen.push({ id: replica.id, error, ...(!this.#isCurrent(replica) && { isOutdated: true }) });
    this.#fallen = this.#fallen.slice(-this.#desired || this.#fallen.length);
    const hasLived = performance.now() - replica.startedAt >= LIVED_MS;
    this.#pauseMs = hasLived
      ? FIRST_PAUSE_MS
      : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    const next = this.#isRolloutStopped
      ? 'the version before it goes on'
      : `the next one starts in ${this.#pauseMs / 1000} s`;
    this.#options.onLine('', `replica ${replica.id} ended by itself (${error}): ${next}`);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#reconcile();
    }, this.#pauseMs);
  }

  #forgetUnused(): void {
    const used = new Set([this.#version, this.#before, ...[...this.#replicas].map(({ version }) => version)]);
    for (const version of this.#versions) {
      if (used.has(version)) continue;
      this.#versions.delete(version);
      this.#options.onVersionUnused(version);
    }
  }

  #live(): ReplicaProcess[] {
    return [...this.#replicas].filter(({ isStopping }) => !isStopping);
  }

  #isCurrent(replica: ReplicaProcess): boolean {
    return replica.version.fingerprint === this.#version.fingerprint;
  }
}

export interface Goal {
  readonly version: Version;
  readonly desired: number;
}

function readiestFirst(left: ReplicaProcess, right: ReplicaProcess): number {
  const rank = ({ hasAnswered, port }: ReplicaProcess): number =>
    hasAnswered ? 2 : port === undefined ? 0 : 1;
  return rank(right) - rank(left);
}
