import { expect } from 'chai';
import { Bodies } from '../../../gateway/nats/queue/bodies.ts';
import { isCallback } from '../../../gateway/nats/queue/callback-codec.ts';
import { LaterMover } from '../../../gateway/nats/queue/later.ts';
import { QueueConsumers } from '../../../gateway/nats/queue/queue-consumers.ts';
import type { CallBody, CallRecord, CallState, QueuedCall } from '../../../gateway/queue/call.ts';
import type { NewCall } from '../../../gateway/queue/call-queue.ts';
import type { Invoked } from '../../../gateway/queue-worker/invoke.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';
import { newCall, openQueue, type TestQueue } from '../nats/queue/fixtures/test-queue.ts';
import { type Death, type DyingWorker, startDyingWorker } from './fixtures/dying-worker.ts';
import { recordOf } from './fixtures/test-worker.ts';

const FIRST = 'first.openfaas-fn';
const SECOND = 'second.openfaas-fn';
const ACK_WAIT_MS = 250;

/** A kind of call, and what every worker that lives does with it, whatever the ones before have died of. */
interface Story {
  readonly name: string;
  readonly call: () => NewCall;
  readonly answer: (call: QueuedCall, count: number) => number;
  /** Its body is in the store of bodies. */
  readonly isLong?: boolean;
  /** What a worker does that nothing happens to. */
  readonly steps: readonly string[];
  readonly end: CallState;
}

const step = (name: string): NewCall['steps'][number] => ({ function: name, queue: 'faas-request' });

const STORIES: readonly Story[] = [
  {
    name: 'succeeds, with a callback',
    call: () => newCall({ function: FIRST, callbackUrl: 'http://callback.example/' }),
    answer: () => 200,
    steps: ['record running', 'function', 'record succeeded', 'callback', 'ack'],
    end: 'succeeded',
  },
  {
    name: 'is refused by its function',
    call: () => newCall({ function: FIRST, callbackUrl: 'http://callback.example/' }),
    answer: () => 400,
    steps: ['record running', 'function', 'record failed', 'callback', 'ack'],
    end: 'failed',
  },
  {
    name: 'is retried',
    call: () => newCall({ function: FIRST, retry: { retries: 5 } }),
    answer: (_call, count) => (count === 1 ? 500 : 200),
    steps: [
      ...['record running', 'function', 'record queued', 'later', 'ack'],
      ...['record running', 'function', 'record succeeded', 'ack'],
    ],
    end: 'succeeded',
  },
  {
    name: 'dies',
    call: () => newCall({ function: FIRST, callbackUrl: 'http://callback.example/', retry: { retries: 0 } }),
    answer: () => 500,
    steps: ['record running', 'function', 'letter', 'record dead', 'callback', 'ack'],
    end: 'dead',
  },
  {
    name: 'has a long body, and is retried',
    call: () => newCall({ function: FIRST, retry: { retries: 5 } }),
    isLong: true,
    answer: (_call, count) => (count === 1 ? 500 : 200),
    steps: [
      ...['record running', 'function', 'record queued', 'later', 'ack'],
      ...['record running', 'function', 'record succeeded', 'drop input', 'ack'],
    ],
    end: 'succeeded',
  },
  {
    name: 'has two steps',
    call: () => ({ ...newCall({ retry: { retries: 5 } }), steps: [step(FIRST), step(SECOND)] }),
    answer: () => 200,
    steps: [
      ...['record running', 'function', 'record queued', 'next', 'ack'],
      ...['record running', 'function', 'record succeeded', 'ack'],
    ],
    end: 'succeeded',
  },
];

describe('a call whose worker dies between two steps', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let queue: TestQueue;
  const workers: DyingWorker[] = [];
  const moving = { ending: new AbortController(), done: Promise.resolve() };

  before(async () => {
    nats = await startNats();
  });
  beforeEach(async () => {
    queue = await openQueue(nats);
    const consumers = new QueueConsumers(queue.sessions, queue.names, ACK_WAIT_MS);
    await consumers.ensure('faas-request', FIRST);
    await consumers.ensure('faas-request', SECOND);
    const mover = new LaterMover({
      sessions: queue.sessions,
      names: queue.names,
      records: queue.records,
      consumers,
      dropBody: async () => undefined,
      logger: createQuietLogger().logger,
    });
    moving.ending = new AbortController();
    moving.done = mover.run(moving.ending.signal);
  });
  afterEach(async () => {
    moving.ending.abort();
    await moving.done;
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await queue.close();
  });
  after(() => nats.close());

  /** Runs a call, by a worker that dies and by one that takes over. */
  const live = async (
    { call, answer, isLong = false }: Story,
    death?: Death,
  ): Promise<{ record: CallRecord; runs: Record<string, number>; worker: DyingWorker; body: string }> => {
    const runs: Record<string, number> = {};
    const invoke = async ({ steps, step: at, body, ...rest }: QueuedCall): Promise<Invoked> => {
      const name = steps[at]?.function ?? '';
      const count = (runs[name] ?? 0) + 1;
      runs[name] = count;
      const text = `${await textOf(body)} ${name.split('.')[0]}`;
      const status = answer({ steps, step: at, body, ...rest }, count);
      return {
        kind: 'over',
        outcome: { kind: 'answered', status, isInternal: false },
        answer: {
          result: { status, headers: [], bytes: text.length, kept: 'message' },
          body: Buffer.from(text),
          beginning: Buffer.from(text),
        },
      };
    };
    const worker = startDyingWorker({ nats, queue, invoke, death });
    workers.push(worker);
    const given = call();
    const stored = isLong ? await queue.intake.storeBody(new Blob(['hello']).stream(), 100) : undefined;
    const id = await queue.intake.accept({ ...given, body: stored ?? given.body });
    if (death !== undefined) {
      await worker.died;
      workers.push(startDyingWorker({ nats, queue, invoke }));
    }
    const { record, body } = await recordOf(queue, id);
    await noneLeft();
    return { record, runs, worker, body };
  };

  const textOf = async (body: CallBody): Promise<string> => {
    if (body instanceof Uint8Array) return Buffer.from(body).toString();
    const stream = await new Bodies(queue.sessions, queue.names.bodies).open(body);
    return stream === undefined ? 'nothing is left' : new Response(stream).text();
  };
  /** Waits until nothing of the call waits any more. */
  const noneLeft = async (): Promise<void> => {
    const { manager } = await queue.sessions.get();
    for (;;) {
      const { state } = await manager.streams.info(queue.names.queue, {
        subjects_filter: queue.names.allCalls,
      });
      const calls = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      if (calls === 0 && (await manager.streams.info(queue.names.later)).state.messages === 0) return;
      await Bun.sleep(10);
    }
  };
  const storedBodies = async (): Promise<number> => {
    const { manager } = await queue.sessions.get();
    return (await manager.streams.info(`OBJ_${queue.names.bodies}`)).state.messages;
  };
  const followers = async (): Promise<{ callbacks: number; letters: number }> => {
    const { manager } = await queue.sessions.get();
    const { state } = await manager.streams.info(queue.names.queue);
    let callbacks = 0;
    for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(queue.names.queue, { seq });
      if (message !== null && isCallback(message.header)) callbacks++;
    }
    return { callbacks, letters: (await manager.streams.info(queue.names.dead)).state.messages };
  };

  for (const story of STORIES) {
    it(`${story.name}: takes these steps when nothing happens`, async () => {
      const { worker, record } = await live(story);
      while (worker.steps.length < story.steps.length) await Bun.sleep(5);
      expect(worker.steps).to.deep.equal(story.steps);
      expect(record.state).to.equal(story.end);
    });

    for (const [index, what] of story.steps.entries()) {
      for (const when of ['before', 'after'] as const) {
        it(`${story.name}: ends once, though its worker dies ${when} "${what}" (${index + 1})`, async () => {
          const { record, runs, body } = await live(story, { step: index + 1, when });
          const isChain = record.steps.length > 1;
          expect(record.state, record.reason).to.equal(story.end);
          const planned = story.steps.filter((what) => what === 'function').length;
          const ran = Object.values(runs).reduce((sum, count) => sum + count, 0);
          // Where it was to die without an attempt more, it may have died before the function was called.
          expect(ran)
            .to.be.at.least(story.end === 'dead' ? 0 : planned)
            .and.at.most(planned + 1);
          if (story.isLong) {
            expect(body).to.equal('hello first');
            expect(await storedBodies()).to.equal(0);
          }
          if (isChain) expect(body).to.equal('hello first second');
          expect(await followers()).to.deep.equal({
            callbacks: record.callbackUrl === undefined ? 0 : 1,
            letters: record.state === 'dead' ? 1 : 0,
          });
          expect(record.attempts.length).to.be.at.least(ran);
        });
      }
    }
  }
});
