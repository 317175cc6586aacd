import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { NatsLink } from '../../../../gateway/nats/nats-link.ts';
import { SoleActor } from '../../../../gateway/nats/queue/sole-actor.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { until } from '../../../support/platform.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';

describe('what one of several does alone', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  const actors: { readonly actor: SoleActor; readonly link: NatsLink }[] = [];
  /** Those that act at this moment. */
  const acting = new Set<string>();
  let most = 0;
  let begun = 0;

  before(async () => {
    nats = await startNats();
  });
  afterEach(async () => {
    await Promise.all(actors.map(({ actor }) => actor.stop()));
    await Promise.all(actors.splice(0).map(({ link }) => link.stop()));
    expect(acting.size).to.equal(0);
    most = begun = 0;
  });
  after(() => nats.close());

  const start = (key: string, act?: (signal: AbortSignal) => Promise<void>): SoleActor => {
    const { logger } = createQuietLogger();
    const link = new NatsLink({ host: nats.host, port: nats.port, name: 'actor', logger });
    const id = randomUUID();
    const actor = new SoleActor({
      link,
      bucket: 'leases',
      key,
      id,
      logger,
      act:
        act ??
        (async (signal) => {
          begun++;
          acting.add(id);
          most = Math.max(most, acting.size);
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          acting.delete(id);
        }),
    });
    link.start();
    actor.start();
    actors.push({ actor, link });
    return actor;
  };
  const oneActs = (): Promise<void> => until('one acts', async () => acting.size === 1);

  it('is done by one, and by another one when that one stops', async () => {
    const three = [start('a'), start('a'), start('a')];
    await oneActs();
    const first = three.find(({ isActing }) => isActing);
    await first?.stop();
    await until('another one acts', async () => three.some((one) => one !== first && one.isActing));
    expect([most, begun]).to.deep.equal([1, 2]);
  });

  it('ends when NATS hangs, and is done again when it is back, by one', async () => {
    start('b');
    start('b');
    await oneActs();
    nats.pause();
    await until('nobody acts', async () => acting.size === 0);
    nats.resume();
    await oneActs();
    expect(most).to.equal(1);
  });

  it('is done again when it has failed', async () => {
    let tries = 0;
    start('c', async () => {
      if (++tries < 3) throw new Error('not now');
    });
    await until('a third try', async () => tries >= 3);
  });

  it('is done for each thing by another one, if need be', async () => {
    const [one, other] = [start('d'), start('e')];
    await until('both act', async () => one.isActing && other.isActing);
  });
});
