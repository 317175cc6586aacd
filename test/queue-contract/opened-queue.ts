import { expect } from 'chai';
import type { CallRecord } from '../../gateway/queue/call.ts';
import type { GatewayQueue } from '../../gateway/queue/gateway-queue.ts';
import type { QueueLimits } from '../../gateway/queue/queue-limits.ts';
import type { FakeGateway } from '../gateway/queue-worker/fixtures/fake-gateway.ts';

/** A queue whose calls are run, through a gateway that answers as a test wants. */
export interface OpenedQueue {
  readonly queue: GatewayQueue;
  /** What was told in the log. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface OpenQueueOptions {
  readonly gateway: FakeGateway;
  /** Of who runs the calls, as in the environment of a queue worker. */
  readonly settings: Readonly<Record<string, string>>;
  readonly limits: Partial<QueueLimits>;
}

export type OpenQueue = (options: OpenQueueOptions) => Promise<OpenedQueue>;

/** What the parts of the suite share. */
export interface QueueBench {
  /** Of the test that runs. */
  readonly gateway: FakeGateway;
  /** Opens the queue of a test, with settings of who runs its calls and other limits. */
  start(settings?: Readonly<Record<string, string>>, limits?: Partial<QueueLimits>): Promise<GatewayQueue>;
  /** Answers wait until they are let go. */
  hold(): { letGo(): void };
  failAlways(status?: number): void;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const LONG = 'abcdefgh'.repeat(100 * KIB);

/** Retries come soon, and callbacks may go to this machine. */
export const QUICK_SETTINGS: Readonly<Record<string, string>> = {
  metrics_port: '0',
  initial_retry_wait: '20ms',
  max_retry_wait: '100ms',
  max_retry_attempts: '2',
  upstream_timeout: '20s',
  shutdown_timeout: '100ms',
  callback_allow: '127.0.0.1',
  callback_retry_wait: '20ms',
  callback_max_retry_wait: '100ms',
  callback_retries: '1',
};

/** Waits until a call is told of as wanted. */
export async function toldOf(
  { book }: Pick<GatewayQueue, 'book'>,
  id: string,
  isWanted: (record: CallRecord) => boolean = ({ endedAt }) => endedAt !== undefined,
): Promise<CallRecord> {
  for (;;) {
    const record = await book.read(id);
    if (record !== undefined && isWanted(record)) return record;
    await Bun.sleep(10);
  }
}

export async function resultOf({ book }: Pick<GatewayQueue, 'book'>, id: string): Promise<string> {
  const found = (await book.result(id)) ?? expect.fail('there is no result');
  return new Response(found.body).text();
}

/** @returns the code of the error, or of what came instead */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => `nothing failed: ${JSON.stringify(value)}`,
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );
}

export function bodyOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}
