import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import { bodyOf } from './async-load.ts';
import { ProcessPlatform } from './process-platform.ts';

describe('asynchronous calls of functions that come and go', function () {
  this.timeout(60_000);
  let platform: ProcessPlatform;

  beforeEach(async () => {
    platform = new ProcessPlatform({
      functions: ['counted'],
      queueWorkers: 1,
      workerSettings: { max_retry_attempts: '1' },
    });
    await platform.open();
  });
  afterEach(() => platform.close());

  const send = async (token: string, name: string, headers: Record<string, string> = {}): Promise<string> => {
    let id: string | null = null;
    await until(`${token} accepted`, async () => {
      const url = `${platform.url}/async-function/${name}`;
      const answer = await fetch(url, { method: 'POST', body: bodyOf(token), headers });
      id = answer.headers.get('x-call-id');
      return answer.status === 202;
    });
    return id ?? '';
  };
  const endOf = async (id: string): Promise<{ readonly status: string; readonly reason?: string }> => {
    const answer = await fetch(`${platform.url}/system/calls/${id}?wait=30s`);
    return (await answer.json()) as { status: string; reason?: string };
  };

  it('start one that sleeps', async () => {
    const { gateway, ledger } = platform;
    const labels = { 'com.openfaas.scale.min': '0', 'com.openfaas.scale.zero': 'true' };
    await gateway.call('/system/functions', { json: { service: 'sleeping', image: 'counting:1', labels } });
    const id = await send('woken', 'sleeping');
    expect((await endOf(id)).status).to.equal('succeeded');
    expect(ledger.runsOf('sleeping.openfaas-fn').map(({ token }) => token)).to.deep.equal(['woken']);
    const scaled = gateway.clusterCalls.flatMap((call) => (call.kind === 'scale' ? [call.desired] : []));
    expect(scaled).to.deep.equal([1]);
  });

  it('end dead, with the reason, when theirs is removed while they wait, and run when it is there again', async () => {
    const { gateway, ledger } = platform;
    const deployment = { service: 'removed', image: 'counting:1' };
    await gateway.call('/system/functions', { json: deployment });
    const id = await send('left', 'removed', { 'x-skep-delay': '1s' });
    const removal = await fetch(`${platform.url}/system/functions`, {
      method: 'DELETE',
      body: JSON.stringify({ functionName: 'removed' }),
    });
    expect(removal.status).to.equal(202);
    const { status, reason } = await endOf(id);
    expect(status).to.equal('dead');
    expect(reason).to.match(/404.*function_not_found.*after 2 attempts/);
    expect(ledger.runs).to.deep.equal([]);

    await gateway.call('/system/functions', { json: deployment });
    const again = await gateway.call(`/system/dead-letters/${id}/redrive`, { method: 'POST' });
    expect(again.status, again.body).to.equal(202);
    expect((await endOf(id)).status).to.equal('succeeded');
    expect(ledger.runs.map(({ token, callId }) => `${token} ${callId}`)).to.deep.equal([`left ${id}`]);
  });
});
