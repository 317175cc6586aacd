import { createPool } from '../../http1/pool.ts';
import { Bodies } from '../nats/queue/bodies.ts';
import { KnownQueues } from '../nats/queue/known-queues.ts';
import { CallOutlet } from '../nats/queue/outlet.ts';
import { CallRecords } from '../nats/queue/records.ts';
import { CallSource, type Delivery } from '../nats/queue/source.ts';
import { Lanes } from '../queue/lanes.ts';
import { pause } from '../queue/pause.ts';
import { CallRunner } from './call-runner.ts';
import { GatewayAddresses } from './gateway-addresses.ts';
import { Invoker } from './invoke.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

/** How long a call that there is no place for waits before another worker, or this one, is given it. */
const NO_PLACE_MS = 200;
/** How long it may take to tell what became of calls that were cut off. */
const LAST_WORDS_MS = 5000;

/** Runs the calls of one queue. */
export function startCalls({ config, logger, link, sessions, names, metrics }: PartOptions): WorkerPart {
  const inputs = new Bodies(sessions, names.bodies);
  const results = new Bodies(sessions, names.results);
  const pool = createPool({ headBytes: 128 * 1024 });
  const invoker = new Invoker({
    pool,
    gateways: new GatewayAddresses(config.gateway),
    timeoutMs: config.upstreamTimeoutMs,
    resultLimitBytes: config.resultLimitBytes,
    openBody: (body) => inputs.open(body),
    storeResult: (body, isInput) => (isInput ? inputs : results).put(body, config.resultLimitBytes),
  });
  const runner = new CallRunner({
    records: new CallRecords(sessions, names),
    outlet: new CallOutlet(sessions, names),
    invoke: (call, signal) => invoker.invoke(call, signal),
    dropBody: (body) => inputs.drop(body).catch(() => undefined), // the janitor finds it
    rules: {
      retries: config.maxRetryAttempts,
      codes: config.retryHttpCodes,
      minWaitMs: config.initialRetryWaitMs,
      maxWaitMs: config.maxRetryWaitMs,
      backoff: config.backoff,
    },
    logger,
    onAttempt: (name, outcome) => metrics.attemptEnded(name, outcome),
  });
  const lanes = new Lanes<Delivery>({
    places: config.maxInflight,
    isAdaptive: config.limiterEnabled,
    now: () => performance.now(),
    run: async (delivery) => {
      const load = await runner.run(delivery);
      metrics.processed();
      return load;
    },
    onRunning: (name, running) => metrics.inflight(name, running),
  });
  const source = new CallSource({
    link,
    sessions,
    names,
    queue: config.queueName,
    logger,
    onFunction: (name, pull) => lanes.feed(name, pull),
    onCall: (name, delivery, hasMore) => {
      metrics.submitted();
      if (!lanes.take(name, delivery, hasMore)) delivery.refuse(NO_PLACE_MS);
    },
    onWaiting: (waiting) => {
      metrics.waiting(waiting);
      lanes.look();
      // Where it fails, the next look tries again.
      announce().catch(() => undefined);
    },
  });
  const queues = new KnownQueues(sessions, names);
  let isAnnounced = false;
  const announce = async (): Promise<void> => {
    if (isAnnounced) return;
    await queues.announce(config.queueName);
    isAnnounced = true;
  };
  link.onConnection((connection) => {
    // Another NATS may be behind it, or the same one without what it had.
    isAnnounced = false;
    connection.subscribe(names.cancel, {
      callback: (error, message) => {
        if (error === null) runner.cancel(instanceOf(message.data));
      },
    });
  });
  source.start();
  return {
    stop: async () => {
      const held = lanes.stop();
      runner.stopWaiting();
      for (const delivery of held) delivery.refuse(0);
      await source.drain();
      await Promise.race([lanes.whenIdle(), pause(config.shutdownTimeoutMs)]);
      const cutOff = lanes.running;
      runner.cutOff();
      await Promise.race([lanes.whenIdle(), pause(LAST_WORDS_MS)]);
      runner.end();
      await source.stop();
      pool.close();
      return cutOff;
    },
  };
}

function instanceOf(data: Uint8Array): string {
  try {
    const { instance } = JSON.parse(new TextDecoder().decode(data)) as { readonly instance?: unknown };
    return typeof instance === 'string' ? instance : '';
  } catch {
    return '';
  }
}
