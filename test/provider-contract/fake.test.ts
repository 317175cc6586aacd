import { createFakeProvider } from '../support/fake-provider.ts';
import { describeProvider } from './describe-provider.ts';

describeProvider('in memory', async () => {
  const provider = createFakeProvider({ secrets: ['contract-secret'] });
  return {
    provider,
    image: 'any/image:latest',
    secret: 'contract-secret',
    clean: async () => {
      for (const { name, namespace } of await provider.list()) await provider.remove({ name, namespace });
    },
    close: async () => {},
  };
});
