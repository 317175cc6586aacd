import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { type Answer, type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const isSoak = process.env['SKEP_SOAK'] === '1';
const NOTIFICATIONS = isSoak ? 100 : 20;
const CLIENTS = 10;
const ALERTS = 1000;
const FUNCTIONS = 20;
const MOST_ADDED_MB = 150;

describe('alerts by the thousand from several senders at once', function () {
  this.timeout(isSoak ? 300_000 : 60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;

  beforeEach(async () => {
    replicas = await startReplicas(5, (_request, response) => void response.end('done'));
    gateway = await runGateway({ gateway_workers: '1', function_port: String(replicas.port) });
    for (let index = 0; index < FUNCTIONS; index++) {
      const json = { service: `fn${index}`, image: 'test:1' };
      expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
    }
  });
  afterEach(async () => {
    await gateway.end();
    await replicas.close();
  });

  /** As Alertmanager writes them: half of functions that exist, the rest of ones that do not. */
  const notification = (number: number, status = 'firing') => ({
    alerts: Array.from({ length: ALERTS }, (_, index) => ({
      status,
      labels: {
        alertname: 'APIHighInvocationRate',
        function_name: index % 2 ? `fn${index % FUNCTIONS}` : `gone${index}-${number}`,
        service: 'gateway',
      },
      annotations: { description: 'High invocation total', summary: 'High invocation total' },
      startsAt: new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString(),
    })),
  });
  const memoryMb = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  /** Every client sends the next notification as soon as its last is answered. */
  const storm = async (status?: string): Promise<Answer[]> => {
    const answers: Answer[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (next < NOTIFICATIONS)
          answers.push(await gateway.call('/system/alert', { json: notification(next++, status) }));
      }),
    );
    return answers;
  };
  /** Calls one after the other until `until` is settled. @returns the answers that were not 200 */
  const callsMeanwhile = async (until: Promise<unknown>): Promise<Answer[]> => {
    const failed: Answer[] = [];
    let isOver = false;
    void until.finally(() => {
      isOver = true;
    });
    let calls = 0;
    while (!isOver || calls === 0) {
      const answer = await gateway.call(`/function/fn${calls++ % FUNCTIONS}`);
      if (answer.status !== 200) failed.push(answer);
    }
    return failed;
  };

  it('are all answered, keep no call waiting, and leave no more memory taken', async () => {
    await storm();
    const before = memoryMb();
    const stormy = storm();
    const failed = await callsMeanwhile(stormy);
    const answers = await stormy;
    expect(answers.map(({ status }) => status)).to.deep.equal(
      Array.from({ length: NOTIFICATIONS }, () => 200),
    );
    expect(failed).to.deep.equal([]);
    expect(memoryMb() - before).to.be.below(MOST_ADDED_MB);
  });

  it('are told to be sent again while the cluster does not answer, and applied once it does', async () => {
    gateway.tell({ kind: 'hold', isHeld: true });
    const stormy = storm();
    const failed = await callsMeanwhile(stormy);
    const answers = await stormy;
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([500]));
    expect(failed).to.deep.equal([]);
    gateway.tell({ kind: 'hold', isHeld: false });
    const [last] = [await gateway.call('/system/alert', { json: notification(NOTIFICATIONS) })];
    expect(last.status, last.body).to.equal(200);
    const { body } = await gateway.call('/system/function/fn1');
    expect((JSON.parse(body) as { replicas: number }).replicas).to.be.above(1);
  });
});
