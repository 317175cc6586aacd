import { expect } from 'chai';
import { NatsLink } from '../../../../gateway/nats/nats-link.ts';
import { lookAtQueueWorkers } from '../../../../gateway/nats/queue/look-at-workers.ts';
import { SoleActor } from '../../../../gateway/nats/queue/sole-actor.ts';
import { pause } from '../../../../gateway/queue/pause.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { openQueue, type TestQueue } from './fixtures/test-queue.ts';

describe('whether there is a queue worker', function () {
  this.timeout(30_000);
  let nats: NatsServer;
  let queue: TestQueue;
  let link: NatsLink;

  beforeEach(async () => {
    nats = await startNats();
    queue = await openQueue(nats);
    link = new NatsLink({ ...nats, name: 'worker', logger: createQuietLogger().logger });
    link.start();
  });
  afterEach(async () => {
    await link.stop();
    await queue.close();
    await nats.close();
  });

  const look = (): Promise<string> =>
    lookAtQueueWorkers(queue.sessions, queue.names, new AbortController().signal).catch(
      (error: Error) => error.message,
    );

  it('is told by the lease that one of them renews, and by nothing that is left of one', async () => {
    const acting = Promise.withResolvers<void>();
    const worker = new SoleActor({
      link,
      bucket: queue.names.leases,
      key: 'mover',
      id: 'w1',
      logger: createQuietLogger().logger,
      act: async (signal) => {
        acting.resolve();
        await pause(60_000, signal);
      },
    });
    worker.start();
    await acting.promise;
    expect(await look()).to.equal('there is one, or more');
    await worker.stop();
    expect(await look()).to.contain('there is none');
  });

  it('is no where there never was one', async () => {
    expect(await look()).to.contain('there is none');
  });

  it('nobody can tell while NATS is away', async () => {
    await nats.kill();
    await queue.away();
    expect(await look()).to.contain('NATS is away');
    await nats.start();
    await queue.back();
  });
});
