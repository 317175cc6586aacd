import { createPool } from '../../http1/pool.ts';
import { Lanes } from '../queue/lanes.ts';
import { waitAtMost } from '../queue/pause.ts';
import type { Delivery } from '../queue/worker-queue.ts';
import { CallRunner } from './call-runner.ts';
import { GatewayAddresses } from './gateway-addresses.ts';
import { Invoker } from './invoke.ts';
import type { PartOptions, WorkerPart } from './worker-part.ts';

/** How long a call that there is no place for waits before another worker, or this one, is given it. */
const NO_PLACE_MS = 200;
/** How long it may take to tell what became of calls that were cut off. */
const LAST_WORDS_MS = 5000;

/** Runs the calls of one queue. */
export function startCalls({ config, logger, queue, metrics }: PartOptions): WorkerPart {
  const { inputs, results } = queue;
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
    queue,
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
  const source = queue.feedCalls({
    onFunction: (name, calls) => lanes.feed(name, calls),
    onCall: (name, delivery, hasMore) => {
      metrics.submitted();
      if (!lanes.take(name, delivery, hasMore)) delivery.refuse(NO_PLACE_MS);
    },
    onWaiting: (waiting) => {
      metrics.waiting(waiting);
      lanes.look();
    },
  });
  queue.onCancelled((instance) => runner.cancel(instance));
  source.start();
  return {
    stop: async (withinMs) => {
      const held = lanes.stop();
      runner.stopWaiting();
      for (const delivery of held) delivery.refuse(0);
      await source.drain();
      await waitAtMost(lanes.whenIdle(), withinMs);
      const cutOff = lanes.running;
      runner.cutOff();
      await waitAtMost(lanes.whenIdle(), LAST_WORDS_MS);
      runner.end();
      await source.stop();
      pool.close();
      return cutOff;
    },
  };
}
