import { type CallRecord, type CallResult, ENDED } from '../../gateway/queue/call.ts';
import type { CallBook, CallPage, DeadFilter, DeadLetter } from '../../gateway/queue/call-queue.ts';
import type { CallbackRecord } from '../../gateway/queue/callback.ts';

/** A book in memory; what is in it, the test puts there. */
export interface FakeCalls extends CallBook {
  readonly records: Map<string, CallRecord>;
  readonly bodies: Map<string, ReadableStream<Uint8Array> | Uint8Array>;
  readonly callbacks: Map<string, CallbackRecord>;
  letters: DeadLetter[];
  /** What was asked of it, e.g. `redrive {"id":"a"} 5`. */
  readonly asked: string[];
  /** Resolves those who wait. */
  end(id: string): void;
}

export function createFakeCalls(): FakeCalls {
  const records = new Map<string, CallRecord>();
  const bodies = new Map<string, ReadableStream<Uint8Array> | Uint8Array>();
  const callbacks = new Map<string, CallbackRecord>();
  const waiters = new Map<string, () => void>();
  const asked: string[] = [];
  const isMeant =
    ({ id, function: name }: DeadFilter) =>
    ({ call }: DeadLetter): boolean =>
      (id === undefined || call.id === id) && (name === undefined || call.steps[0]?.function === name);
  const take = (filter: DeadFilter): number => {
    const before = fake.letters.length;
    fake.letters = fake.letters.filter((letter) => !isMeant(filter)(letter));
    return before - fake.letters.length;
  };
  const page = <T>(all: readonly T[], limit: number, cursor = '0'): { items: T[]; cursor?: string } => {
    const end = Number(cursor) + limit;
    return { items: all.slice(Number(cursor), end), ...(end < all.length && { cursor: String(end) }) };
  };
  const fake: FakeCalls = {
    records,
    bodies,
    callbacks,
    letters: [],
    asked,
    end: (id) => waiters.get(id)?.(),
    read: async (id, { waitMs = 0, signal } = {}) => {
      const found = records.get(id);
      if (found === undefined || ENDED.has(found.state) || waitMs === 0) return found;
      asked.push(`wait ${waitMs}`);
      await new Promise<void>((resolve) => {
        waiters.set(id, resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
      return records.get(id);
    },
    result: async (id): Promise<{ result: CallResult; body: ReadableStream | Uint8Array } | undefined> => {
      const result = records.get(id)?.result;
      const body = bodies.get(id);
      return result === undefined || body === undefined ? undefined : { result, body };
    },
    callback: async (id) => callbacks.get(id),
    list: async ({ function: name, state, limit, cursor }): Promise<CallPage> => {
      asked.push(`list ${JSON.stringify({ name, state, limit, cursor })}`);
      const all = [...records.values()].filter(
        (each) =>
          (state === undefined || each.state === state) &&
          (name === undefined || each.steps[each.step]?.function === name),
      );
      const { items, cursor: next } = page(all, limit, cursor);
      return { calls: items, ...(next !== undefined && { cursor: next }) };
    },
    cancel: async (id) => {
      const record = records.get(id);
      if (record === undefined) return 'unknown';
      if (ENDED.has(record.state) && record.state !== 'cancelled') return 'ended';
      records.set(id, { ...record, state: 'cancelled', endedAt: Date.now() });
      return 'cancelled';
    },
    listDead: async ({ function: name, limit, cursor }) => {
      const { items, cursor: next } = page(fake.letters.filter(isMeant({ function: name })), limit, cursor);
      return { letters: items, ...(next !== undefined && { cursor: next }) };
    },
    readDead: async (id) => fake.letters.find(isMeant({ id })),
    redrive: async (filter, perSecond) => {
      asked.push(`redrive ${JSON.stringify(filter)} ${perSecond}`);
      return take(filter);
    },
    purgeDead: async (filter) => {
      asked.push(`purge ${JSON.stringify(filter)}`);
      return take(filter);
    },
  };
  return fake;
}

/** A call of `echo`, as its book has it. */
export function fakeRecord(changes: Partial<CallRecord> = {}): CallRecord {
  return {
    id: 'a',
    instance: '0123456789abcdef',
    state: 'queued',
    acceptedAt: Date.parse('2026-01-31T12:00:00Z'),
    steps: [{ function: 'echo.openfaas-fn', queue: 'faas-request' }],
    step: 0,
    attempt: 0,
    attempts: [],
    ...changes,
  };
}

export function fakeLetter(id: string, name = 'echo.openfaas-fn'): DeadLetter {
  const steps = [{ function: name, queue: 'faas-request' }];
  const attempts = [{ step: 0, attempt: 1, startedAt: 1_700_000_000_000, seconds: 0.25, status: 500 }];
  const result = { status: 500, headers: ['Content-Type', 'text/plain'], bytes: 4, kept: 'message' } as const;
  const record = fakeRecord({ id, steps, state: 'dead', attempt: 1, attempts, result });
  const { instance, acceptedAt } = record;
  return {
    call: {
      id,
      instance,
      acceptedAt,
      steps,
      step: 0,
      attempt: 1,
      path: '/x?y=1',
      headers: [],
      revision: 3,
      body: Buffer.from('input'),
    },
    record,
    diedAt: 1_700_000_001_000,
    reason: 'attempt 1 of 1 was answered 500',
    response: Buffer.from('oh no'),
  };
}
