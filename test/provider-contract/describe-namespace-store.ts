import { expect } from 'chai';
import type { NamespaceStore } from '../../gateway/functions/namespace-store.ts';
import { failure } from './describe-provider.ts';

/** What every implementation of the port of namespaces does. Run for the fake and for Swarm. */
export function describeNamespaceStore(name: string, open: () => NamespaceStore): void {
  describe(`the port of namespaces: ${name}`, () => {
    const store = open();
    const mine = async () => (await store.list()).filter((one) => one.name.startsWith('contract-ns'));
    const one = {
      name: 'contract-ns-a',
      labels: { team: 'x', 'com.openfaas.namespace': 'free to use' },
      annotations: { openfaas: '1', lines: '{\n "a": 1\n}', empty: '' },
    };
    afterEach(async () => {
      for (const each of await mine()) await store.remove(each.name);
    });

    it('gives back what it was given, by name', async () => {
      const bare = { name: 'contract-ns'.padEnd(63, 'b'), labels: {}, annotations: {} };
      await store.create(bare);
      await store.create(one);
      expect(await mine()).to.deep.equal([one, bare]);
    });

    it('makes a namespace once', async () => {
      await store.create(one);
      await failure(store.create({ ...one, labels: {} }), 'namespace_exists');
      expect(await mine()).to.deep.equal([one]);
    });

    it('keeps names apart that begin alike', async () => {
      const long = 'contract-ns'.padEnd(62, 'x');
      for (const end of ['a', 'b']) await store.create({ ...one, name: long + end });
      await store.remove(`${long}a`);
      expect((await mine()).map((each) => each.name)).to.deep.equal([`${long}b`]);
    });

    it('replaces labels and annotations', async () => {
      await failure(store.update(one), 'namespace_not_found');
      await store.create(one);
      const next = { ...one, labels: { tier: '2' }, annotations: {} };
      await store.update(next);
      expect(await mine()).to.deep.equal([next]);
    });

    it('removes once, and takes the name again', async () => {
      await store.create(one);
      await store.remove(one.name);
      await failure(store.remove(one.name), 'namespace_not_found');
      await store.create(one);
    });

    it('refuses labels that are the platform’s', async () => {
      for (const key of ['skep.namespace', 'com.openfaas.annotations.a', 'com.docker.x', '']) {
        await failure(store.create({ ...one, labels: { [key]: '1' } }), 'invalid_request');
      }
      expect(await mine()).to.deep.equal([]);
    });
  });
}
