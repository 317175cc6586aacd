import { expect } from 'chai';
import { NatsLink } from '../../../gateway/nats/nats-link.ts';
import { queueNames } from '../../../gateway/nats/queue/names.ts';
import { QueueConsumers } from '../../../gateway/nats/queue/queue-consumers.ts';
import { JetStreamSessions } from '../../../gateway/nats/queue/session.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';
import { bodyOf } from './async-load.ts';
import { ProcessPlatform } from './process-platform.ts';
import type { Run } from './verdict.ts';

/** How long a worker may be silent in these tests. */
const ACK_WAIT_MS = 2000;

describe('queue workers that are lost', function () {
  this.timeout(90_000);
  let platform: ProcessPlatform;

  const open = async (queueWorkers: number): Promise<void> => {
    platform = new ProcessPlatform({
      functions: ['counted', 'others'],
      queueWorkers,
      workerSettings: { max_retry_attempts: '2' },
    });
    await platform.open();
    await shortenAckWait(platform);
  };
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(platform.workerLog().slice(-8000));
    return platform.close();
  });

  const send = async (token: string, path: string, name = 'counted'): Promise<string> => {
    let id: string | null = null;
    await until(`${token} accepted`, async () => {
      const url = `${platform.url}/async-function/${name}${path}`;
      const answer = await fetch(url, { method: 'POST', body: bodyOf(token) });
      id = answer.headers.get('x-call-id');
      return answer.status === 202;
    });
    return id ?? '';
  };
  const runsOf = (token: string): Run[] => platform.ledger.runs.filter((run) => run.token === token);
  const tellsOf = async (id: string): Promise<{ state?: string; reason?: string; attempts?: unknown[] }> => {
    const answer = await fetch(`${platform.url}/system/calls/${id}`);
    const told = (await answer.json()) as { state?: string; status?: string };
    return { ...told, state: told.state ?? told.status ?? '' };
  };

  it('a call that takes longer than a worker may be silent is delivered once', async () => {
    await open(2);
    const id = await send('long', `/slow/${ACK_WAIT_MS * 3}`);
    await until('its end', async () => (await tellsOf(id)).state === 'succeeded');
    expect(runsOf('long')).to.have.length(1);
  });

  it('what a worker had that stands still is run by another one; when it goes on it has lost', async () => {
    await open(1);
    const id = await send('stopped', '/slow/1500');
    await until('its run', async () => runsOf('stopped').length === 1);
    process.kill(platform.queueWorkerPid(0), 'SIGSTOP');
    await platform.queueWorker(1).start();
    await until('another run', async () => runsOf('stopped').length === 2);
    process.kill(platform.queueWorkerPid(0), 'SIGCONT');
    await until('its end', async () => (await tellsOf(id)).state === 'succeeded');
    // Both work on, and neither runs it again.
    const after = await send('after', '/');
    await until('the next call', async () => (await tellsOf(after)).state === 'succeeded');
    await Bun.sleep(ACK_WAIT_MS + 1000);
    expect(runsOf('stopped')).to.have.length(2);
    expect((await tellsOf(id)).attempts).to.have.length(2);
  });

  it('a call whose worker is killed each time ends dead, and holds back no other function', async () => {
    await open(1);
    const id = await send('deadly', '/slow/60000');
    for (const attempt of [1, 2, 3]) {
      await until(`attempt ${attempt}`, async () => runsOf('deadly').length === attempt, 30_000);
      await platform.queueWorker(0).kill();
      await platform.queueWorker(0).start();
      await send(`beside ${attempt}`.replace(' ', '-'), '/', 'others');
      await until('the other call', async () => runsOf(`beside-${attempt}`).length === 1);
    }
    await until('its end', async () => (await tellsOf(id)).state === 'dead');
    const { reason, attempts } = await tellsOf(id);
    expect(reason).to.match(/lost.*after 3 attempts/);
    expect(attempts).to.have.length(3);
    expect(runsOf('deadly')).to.have.length(3);
  });
});

/** Consumers that are there already are left as they are. */
async function shortenAckWait({ nats: { host, port } }: ProcessPlatform): Promise<void> {
  const link = new NatsLink({ host, port, name: 'test', logger: createQuietLogger().logger });
  try {
    link.start();
    const names = queueNames('skep');
    const consumers = new QueueConsumers(new JetStreamSessions(link), names, ACK_WAIT_MS);
    for (const name of ['counted', 'others']) {
      await until('the stream', () =>
        consumers.ensure('faas-request', `${name}.openfaas-fn`).then(
          () => true,
          () => false,
        ),
      );
    }
  } finally {
    await link.stop();
  }
}
