import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { createSwarmNamespaces } from '../../gateway/swarm/swarm-namespaces.ts';
import { createSwarmSecrets } from '../../gateway/swarm/swarm-secrets.ts';
import { describeNamespaceStore } from './describe-namespace-store.ts';
import { describeSecretStore } from './describe-secret-store.ts';
import { openSwarm } from './open-swarm.ts';

describeNamespaceStore('Docker Swarm', () => createSwarmNamespaces({ docker: connectEngine(process.env) }));

describeSecretStore('Docker Swarm', async () => {
  const swarm = await openSwarm('contractsecrets');
  const secrets = createSwarmSecrets({ docker: swarm.docker });
  const clean = async (): Promise<void> => {
    await swarm.clean();
    for (const namespace of ['contract-s', 'contract-t']) {
      for (const ref of await secrets.list(namespace)) await secrets.remove(ref);
    }
  };
  return {
    secrets,
    provider: swarm.provider,
    image: swarm.image,
    clean,
    close: async () => {
      await clean();
      await swarm.close();
    },
  };
});
