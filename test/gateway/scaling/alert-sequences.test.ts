import { expect } from 'chai';
import fc from 'fast-check';
import type { FunctionAlert } from '../../../contract/parse-alerts.ts';
import { AlertScaler } from '../../../gateway/scaling/alerts.ts';
import { ReplicaScaler } from '../../../gateway/scaling/apply.ts';
import { createFakeProvider } from '../../support/fake-provider.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const REF = { name: 'echo', namespace: 'openfaas-fn' };
const MIN = 2;
const MAX = 20;

interface Notification {
  readonly afterMs: number;
  readonly alerts: readonly FunctionAlert[];
}

const alert: fc.Arbitrary<FunctionAlert> = fc.record({
  status: fc.constantFrom('firing', 'resolved'),
  functionName: fc.constantFrom('echo', 'echo.openfaas-fn'),
  occurrence: fc.record({ id: fc.constantFrom('a', 'b'), startsAtMs: fc.integer({ min: 1, max: 4 }) }),
});
const notifications: fc.Arbitrary<Notification[]> = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 500, 5000, 19_000, 32_000, 61_000),
    alerts: fc.array(alert, { minLength: 1, maxLength: 4 }),
  }),
  { maxLength: 12 },
);

/** Sends each notification so many times at once. @returns the count after each */
async function countsAfter(
  sent: readonly Notification[],
  { times, shuffle = (alerts) => alerts }: Options,
): Promise<number[]> {
  const provider = createFakeProvider();
  const { logger } = createQuietLogger();
  await provider.create({
    service: 'echo',
    image: 'a',
    labels: { 'com.openfaas.scale.min': String(MIN), 'com.openfaas.scale.max': String(MAX) },
  });
  let nowMs = 0;
  const scaler = new AlertScaler({
    scaler: new ReplicaScaler({ provider, logger }),
    logger,
    defaultNamespace: REF.namespace,
    now: () => nowMs,
  });
  const counts: number[] = [];
  for (const { afterMs, alerts } of sent) {
    nowMs += afterMs;
    await Promise.all(Array.from({ length: times }, () => scaler.handle(shuffle(alerts))));
    counts.push((await provider.read(REF)).replicas);
  }
  return counts;
}

interface Options {
  readonly times: number;
  readonly shuffle?: (alerts: readonly FunctionAlert[]) => readonly FunctionAlert[];
}

describe('whatever notifications come', function () {
  this.timeout(20_000);

  it('each may come several times and changes nothing more', () =>
    fc.assert(
      fc.asyncProperty(notifications, async (sent) => {
        expect(await countsAfter(sent, { times: 3 })).to.deep.equal(await countsAfter(sent, { times: 1 }));
      }),
    ));

  it('the order of the alerts in one makes no difference', () =>
    fc.assert(
      fc.asyncProperty(notifications, async (sent) => {
        const turned = await countsAfter(sent, { times: 1, shuffle: (alerts) => [...alerts].reverse() });
        expect(turned).to.deep.equal(await countsAfter(sent, { times: 1 }));
      }),
    ));

  it('the count stays between minimum and maximum, and a step is a fifth of that', () =>
    fc.assert(
      fc.asyncProperty(notifications, async (sent) => {
        let before = MIN;
        for (const count of await countsAfter(sent, { times: 1 })) {
          expect(count).to.be.oneOf([before, MIN, Math.min(MAX, before + MAX / 5)]);
          before = count;
        }
      }),
    ));
});
