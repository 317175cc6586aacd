import { expect } from 'chai';
import type { Engine } from '../../../gateway/swarm/engine.ts';
import type { ListedService } from '../../../gateway/swarm/read-back.ts';
import { ServiceList } from '../../../gateway/swarm/service-list.ts';

describe('the list of services that are functions', () => {
  let nowMs: number;
  let reads: PromiseWithResolvers<ListedService[]>[];
  let list: ServiceList;

  beforeEach(() => {
    nowMs = 0;
    reads = [];
    const ask = (): Promise<ListedService[]> => {
      const read = Promise.withResolvers<ListedService[]>();
      reads.push(read);
      return read.promise;
    };
    list = new ServiceList({ ask } as unknown as Engine, 'openfaas-fn', () => nowMs);
  });

  const service = (ID: string): ListedService => ({
    ID,
    Spec: { Name: ID, Labels: { 'com.openfaas.function': ID } },
  });
  const answer = async (...ids: string[]): Promise<string[]> => {
    const reading = list.read();
    reads.at(-1)?.resolve(ids.map(service));
    return (await reading).map(({ ID }) => ID);
  };

  it('is read every time while no events come in', async () => {
    await answer('a');
    expect(await answer('b')).to.deep.equal(['b']);
    expect(reads).to.have.length(2);
  });

  it('is kept while events tell of no change, for five seconds', async () => {
    list.followed(true);
    await answer('a');
    nowMs = 4999;
    expect(await answer('b')).to.deep.equal(['a']);
    nowMs = 5000;
    expect(await answer('b')).to.deep.equal(['b']);
  });

  it('is read anew after a change, also after one that came while it was read', async () => {
    list.followed(true);
    await answer('a');
    list.changed();
    const reading = list.read();
    list.changed();
    reads.at(-1)?.resolve([service('old')]);
    await reading;
    expect(await answer('new')).to.deep.equal(['new']);
    expect(await answer('never read')).to.deep.equal(['new']);
  });

  it('is read anew when the events break off, when they come back, and after a read that failed', async () => {
    list.followed(true);
    await answer('a');
    list.followed(false);
    expect(await answer('b')).to.deep.equal(['b']);
    list.followed(true);
    const reading = list.read();
    reads.at(-1)?.reject(new Error('no quorum'));
    expect(await reading.catch((error: Error) => error.message)).to.equal('no quorum');
    expect(await answer('c')).to.deep.equal(['c']);
  });
});
