// Question: what does it cost the control process to look at 1,000 functions twice a second, and to remember them?
// No baseline: a look has a limit of its own, since the process has calls of the API and workers to answer, too.
import { createLogger } from '../gateway/log.ts';
import { createMetrics } from '../gateway/metrics/metrics.ts';
import { Autoscaler } from '../gateway/scaling/autoscaler.ts';
import { oneGateway } from '../gateway/scaling/one-gateway.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';

const FUNCTIONS = 1000;
const TICK_MS = 500;
/** Ten minutes, so that every history is full. */
const LOOKS = 1200;
const WARM_UP = 200;
const TYPES = ['rps', 'capacity', 'cpu', undefined];
const MIB = 1_048_576;

export async function run(): Promise<void> {
  const functions = Array.from({ length: FUNCTIONS }, (_, number) => toFunction(number));
  const metrics = createMetrics();
  metrics.sync(functions);
  let nowMs = 0;
  const todayMs = Date.parse('2026-03-02T07:00:00Z');
  const autoscaler = new Autoscaler({
    functions: () => functions,
    count: async () => true,
    loads: () => metrics.loads(),
    gateways: oneGateway(),
    prometheus: { want: () => {}, load: () => 50 },
    scaler: { change: async () => undefined },
    settings: { defaultTarget: 50, maintainMinReplicas: false },
    logger: createLogger(() => {}),
    onLoad: (key, load) => metrics.scalingLoad(key, load),
    onMinimum: (key, minimum) => metrics.scheduledMinimum(key, minimum),
    now: () => nowMs,
    today: () => todayMs + nowMs,
  });
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  const times: number[] = [];
  for (let look = 0; look < LOOKS; look++) {
    nowMs += TICK_MS;
    metrics.add(
      1,
      functions.map(({ key }, number) => ({
        key,
        started: 5 + (number % 7),
        inFlight: number % 5,
        completed: [],
      })),
    );
    const began = performance.now();
    await autoscaler.tick();
    times.push(performance.now() - began);
  }
  Bun.gc(true);
  const warm = times.slice(WARM_UP).sort((one, other) => one - other);
  record(`scaling, a look at ${FUNCTIONS} functions, p50`, median(warm), 'ms', '<= 5');
  record(`scaling, a look at ${FUNCTIONS} functions, p99`, warm[Math.floor(warm.length * 0.99)] ?? 0, 'ms');
  record(
    `scaling, memory of ${FUNCTIONS} functions`,
    (process.memoryUsage().heapUsed - before) / MIB,
    'MiB',
    '<= 10',
  );
}

/** A quarter of each type, half of them may sleep, a tenth has a schedule in a time zone. */
function toFunction(number: number) {
  const type = TYPES[number % TYPES.length];
  const replicas = ['a', 'b'].map((id) => ({ id, address: '127.0.0.1', isRunning: true, isReady: true }));
  return {
    ref: { name: `fn-${number}`, namespace: 'openfaas-fn' },
    key: `fn-${number}.openfaas-fn`,
    labels: {
      'com.openfaas.scale.zero': String(number % 2 === 0),
      ...(type !== undefined && { 'com.openfaas.scale.type': type, 'com.openfaas.scale.target': '10' }),
      ...(number % 10 === 0 && {
        'com.skep.scale.schedule': '* 8-17 * * mon-fri = 2; * 10-15 * * sat,sun = 1',
        'com.skep.scale.timezone': 'Europe/Berlin',
      }),
    },
    annotations: {},
    envVars: {},
    desired: 2,
    replicas,
    createdAt: '2026-01-01T00:00:00Z',
  };
}
