import type { GatewayQueue } from '../../gateway/queue/gateway-queue.ts';
import type { QueueLimits } from '../../gateway/queue/queue-limits.ts';
import { type FakeGateway, startFakeGateway } from '../gateway/queue-worker/fixtures/fake-gateway.ts';
import { describeAgreeing } from './agreeing.ts';
import { describeCancelling } from './cancelling.ts';
import { describeLaterAndChains } from './later-and-chains.ts';
import { type OpenedQueue, type OpenQueue, QUICK_SETTINGS } from './opened-queue.ts';
import { describePosting } from './posting-results.ts';
import { describeTaking } from './taking-calls.ts';
import { describeTelling } from './telling.ts';
import { describeTryingAgain } from './trying-again.ts';

/** What every queue does, wherever it is. */
export function describeQueue(name: string, open: OpenQueue): void {
  describe(`the queue of ${name}`, function () {
    this.timeout(30_000);
    let gateway: FakeGateway;
    let opened: OpenedQueue | undefined;

    const start = async (
      settings: Readonly<Record<string, string>> = {},
      limits: Partial<QueueLimits> = {},
    ): Promise<GatewayQueue> => {
      opened = await open({ gateway, settings: { ...QUICK_SETTINGS, ...settings }, limits });
      return opened.queue;
    };
    const hold = (): { letGo(): void } => {
      const held: (() => void)[] = [];
      const { answer } = gateway;
      gateway.answer = (call, response) => held.push(() => answer(call, response));
      return {
        letGo: () => {
          gateway.answer = answer;
          for (const go of held.splice(0)) go();
        },
      };
    };
    const failAlways = (status = 500): void => {
      gateway.answer = (_call, response) => response.writeHead(status).end('no');
    };

    beforeEach(async () => {
      gateway = await startFakeGateway();
    });
    afterEach(async () => {
      await opened?.stop();
      opened = undefined;
      await gateway.close();
    });

    const bench = {
      get gateway() {
        return gateway;
      },
      start,
      hold,
      failAlways,
    };
    const parts = [
      describeTaking,
      describeTryingAgain,
      describeLaterAndChains,
      describePosting,
      describeCancelling,
      describeTelling,
      describeAgreeing,
    ];
    for (const part of parts) part(bench);
  });
}
