import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type Answer, type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const ECHO = { service: 'echo', image: 'test:1' };
const TICK = {
  service: 'tick',
  image: 'test:1',
  annotations: { topic: 'cron-function', schedule: '@every 1s', 'com.skep.schedule.body': 'go' },
};

/** A function's answers wait while this is so. */
let held: (() => void)[] | undefined;

describe('a gateway that is a single process, with its queue in memory', function () {
  this.timeout(60_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;

  before(async () => {
    replicas = await startReplicas(1, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = (): void => void response.end(Buffer.concat(chunks));
        if (held === undefined) answer();
        else held.push(answer);
      });
    });
  });
  beforeEach(async () => {
    held = undefined;
    gateway = await runGateway({
      queue: 'memory',
      function_port: String(replicas.port),
      autoscaler: 'false',
      deployed: JSON.stringify([ECHO, TICK]),
      deployed_at: new Date(Date.now() - 60_000).toISOString(),
      write_timeout: '5s',
    });
  });
  afterEach(() => gateway.end());
  after(() => replicas.close());

  const told = async (path: string): Promise<Record<string, unknown>> =>
    JSON.parse((await gateway.call(path)).body) as Record<string, unknown>;
  const submit = async (path = 'echo'): Promise<string> => {
    const { status, headers } = await gateway.call(`/async-function/${path}`, { json: { a: 1 } });
    expect(status).to.equal(202);
    return String(headers['x-call-id']);
  };

  it('runs calls, tells of them, and counts them', async () => {
    const id = await submit();
    expect(await told(`/system/calls/${id}?wait=20s`)).to.include({ status: 'succeeded' });
    const result: Answer = await gateway.call(`/system/calls/${id}/result`);
    expect(result.body).to.equal('{"a":1}');
    const { checks } = (await told('/system/health')) as { checks: Record<string, { message: string }> };
    expect(JSON.stringify(checks['nats'])).to.include('in memory (0 % of the queue');
    expect(JSON.stringify(checks['queue_workers'])).to.include('in this process');
    expect(await gateway.workers()).to.deep.equal([]);
  });

  it('calls functions by their schedules', async () => {
    await until('two ticks', async () => {
      const { calls } = (await told('/system/calls?function=tick&status=succeeded')) as { calls: unknown[] };
      return calls.length >= 2;
    });
  });

  it('finishes what runs when it is stopped, and says how much is lost', async () => {
    const inAnHour = { method: 'POST', headers: { 'X-Skep-Delay': '1h' } };
    const delayed = await fetch(`http://127.0.0.1:${gateway.port}/async-function/echo`, inAnHour);
    expect(delayed.status).to.equal(202);
    const answers: (() => void)[] = [];
    held = answers;
    const running = await submit();
    await until('it runs', async () => (await told(`/system/calls/${running}`))['status'] === 'running');
    gateway.kill('SIGTERM');
    await gateway.logged('draining');
    held = undefined;
    for (const answer of answers) answer();
    expect(await gateway.ended).to.deep.include({ exitCode: 0 });
    const { lost, cutOff } = await gateway.logged('stopped');
    expect(cutOff).to.equal(0);
    expect(lost).to.be.at.least(1);
    const [attempt] = gateway.lines.filter(({ callId }) => callId === running);
    expect(attempt).to.include({ message: 'attempt', became: 'succeeded' });
  });
});
