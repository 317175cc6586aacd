import { createFakeNamespaces } from '../support/fake-namespaces.ts';
import { createFakeProvider } from '../support/fake-provider.ts';
import { createFakeSecrets } from '../support/fake-secrets.ts';
import { describeNamespaceStore } from './describe-namespace-store.ts';
import { describeSecretStore } from './describe-secret-store.ts';

describeNamespaceStore('in memory', createFakeNamespaces);

describeSecretStore('in memory', async () => {
  const provider = createFakeProvider();
  const secrets = createFakeSecrets(provider);
  return {
    secrets,
    provider,
    image: 'any:1',
    clean: async () => {
      for (const fn of await provider.list()) await provider.remove(fn);
      for (const namespace of ['contract-s', 'contract-t']) {
        for (const ref of await secrets.list(namespace)) await secrets.remove(ref);
      }
    },
    close: async () => {},
  };
});
