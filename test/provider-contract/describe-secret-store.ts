import { expect } from 'chai';
import type { Provider } from '../../gateway/functions/provider.ts';
import type { SecretStore } from '../../gateway/functions/secret-store.ts';
import { failure } from './describe-provider.ts';

export interface OpenedSecretStore {
  readonly secrets: SecretStore;
  /** Deploys the functions that use them. */
  readonly provider: Provider;
  /** An image whose replicas run and stay. */
  readonly image: string;
  /** Removes every function and secret of the test. */
  clean(): Promise<void>;
  close(): Promise<void>;
}

/** What every implementation of the port of secrets does. Run for the fake and for Swarm. */
export function describeSecretStore(name: string, open: () => Promise<OpenedSecretStore>): void {
  describe(`the port of secrets: ${name}`, function () {
    this.timeout(60_000);
    let opened: OpenedSecretStore;
    let secrets: SecretStore;
    before(async () => {
      opened = await open();
      secrets = opened.secrets;
    });
    afterEach(() => opened.clean());
    after(() => opened?.close());

    const ref = { name: 'contract-key', namespace: 'contract-s' };
    const other = { ...ref, namespace: 'contract-t' };
    const value = Buffer.from('one');
    const fn = { name: 'contract-reader', namespace: 'contract-s' };
    const reader = () => ({
      service: fn.name,
      namespace: fn.namespace,
      image: opened.image,
      secrets: [ref.name],
    });

    it('lists what was made, by namespace and name', async () => {
      expect(await secrets.list('contract-s')).to.deep.equal([]);
      await secrets.create({ ...ref, name: 'contract.b' }, value);
      await secrets.create({ ...ref, name: 'contract.a' }, value);
      await secrets.create(other, value);
      expect(await secrets.list('contract-s')).to.deep.equal([
        { name: 'contract.a', namespace: 'contract-s' },
        { name: 'contract.b', namespace: 'contract-s' },
      ]);
      expect(await secrets.list('contract-t')).to.deep.equal([other]);
    });

    it('makes a secret once, also for two at the same instant', async () => {
      const results = await Promise.allSettled([secrets.create(ref, value), secrets.create(ref, value)]);
      expect(results.map((result) => result.status).sort()).to.deep.equal(['fulfilled', 'rejected']);
      await failure(secrets.create(ref, value), 'secret_exists');
      expect(await secrets.list('contract-s')).to.deep.equal([ref]);
    });

    it('updates what exists, as often as one likes, and lists it once', async () => {
      await failure(secrets.update(ref, value), 'secret_not_found');
      await secrets.create(ref, value);
      await Promise.all([1, 2, 3].map((n) => secrets.update(ref, Buffer.from([n]))));
      expect(await secrets.list('contract-s')).to.deep.equal([ref]);
      await failure(secrets.update(other, value), 'secret_not_found');
    });

    it('takes names as long as names may be, and keeps them apart', async () => {
      const long = 'contract-'.padEnd(252, 'x');
      const names = [`${long}a`, `${long}b`];
      for (const one of names) await secrets.create({ ...ref, name: one }, value);
      await secrets.update({ ...ref, name: names[0] ?? '' }, Buffer.from('two'));
      expect((await secrets.list('contract-s')).map((one) => one.name)).to.deep.equal(names);
      await secrets.remove({ ...ref, name: names[1] ?? '' });
      expect((await secrets.list('contract-s')).map((one) => one.name)).to.deep.equal([names[0]]);
    });

    it('takes a value of the largest size, and any bytes', async () => {
      await secrets.create(ref, Buffer.alloc(500 * 1024 - 1, 0));
      await secrets.update(ref, Buffer.from([0, 255, 10]));
    });

    it('removes a secret once, and takes its name for a new one', async () => {
      await secrets.create(ref, value);
      await secrets.update(ref, value);
      await secrets.remove(ref);
      expect(await secrets.list('contract-s')).to.deep.equal([]);
      await failure(secrets.remove(ref), 'secret_not_found');
      await secrets.create(ref, value);
    });

    it('keeps a secret that functions use, and names them', async () => {
      await secrets.create(ref, value);
      await opened.provider.create(reader());
      await secrets.update(ref, Buffer.from('two'));
      await secrets.removeUnused();
      const error = await failure(secrets.remove(ref), 'secret_in_use');
      expect(error.message).to.include('contract-reader.contract-s');
      await opened.provider.update(reader());
      await failure(secrets.remove(ref), 'secret_in_use');
      await opened.provider.remove(fn);
      await secrets.remove(ref);
      expect(await secrets.list('contract-s')).to.deep.equal([]);
    });

    it('gives functions the secrets of their own namespace alone', async () => {
      await secrets.create(other, value);
      const error = await failure(opened.provider.create(reader()), 'invalid_request');
      expect(error.message).to.include('secret not found: contract-key');
    });
  });
}
