import { describeLogSource } from './describe-log-source.ts';
import { describeNamespaceStore } from './describe-namespace-store.ts';
import { describeProvider } from './describe-provider.ts';
import { describeSecretStore } from './describe-secret-store.ts';
import { openProcesses } from './open-processes.ts';

describeProvider('processes of this machine', async () => {
  const { cluster, close } = openProcesses();
  const { provider, secrets } = cluster;
  const secret = { name: 'contract-secret', namespace: 'contract-a' };
  await secrets.create(secret, Buffer.from('value'));
  return {
    provider,
    image: 'any/image:latest',
    secret: secret.name,
    crash: async (ref) => {
      for (const pid of cluster.pidsOf(ref)) process.kill(pid, 'SIGKILL');
    },
    clean: async () => {
      for (const { name, namespace } of await provider.list()) await provider.remove({ name, namespace });
    },
    close,
  };
});

describeSecretStore('files of this machine', async () => {
  const { cluster, close } = openProcesses();
  const { provider, secrets } = cluster;
  return {
    provider,
    secrets,
    image: 'any:1',
    clean: async () => {
      for (const fn of await provider.list()) await provider.remove(fn);
      for (const namespace of ['contract-s', 'contract-t']) {
        for (const ref of await secrets.list(namespace)) await secrets.remove(ref);
      }
    },
    close,
  };
});

describeLogSource('memory of this process', async () => {
  const { cluster, close } = openProcesses();
  const { provider } = cluster;
  return {
    provider,
    logs: cluster.logSource,
    image: 'any:1',
    clean: async () => {
      for (const fn of await provider.list()) await provider.remove(fn);
    },
    close,
  };
});

describe('the port of namespaces over a folder', () => {
  const { cluster, close } = openProcesses();
  after(close);
  describeNamespaceStore('a file', () => cluster.namespaces);
});
