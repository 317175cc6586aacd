import { createFakeProvider } from '../support/fake-provider.ts';
import { describeProvider } from './describe-provider.ts';

describeProvider('in memory', async () => {
  const provider = createFakeProvider({ secrets: ['contract-secret'] });
  return {
    provider,
    image: 'any/image:latest',
    secret: 'contract-secret',
    crash: async (ref) => {
      const running = (await provider.look(ref))?.replicas.filter(({ isRunning }) => isRunning).length ?? 0;
      provider.cluster.fail(ref, 'exit code 137');
      provider.cluster.run(ref, running);
    },
    clean: async () => {
      for (const { name, namespace } of await provider.list()) await provider.remove({ name, namespace });
    },
    close: async () => {},
  };
});
