import { describeProvider } from './describe-provider.ts';
import { openSwarm } from './open-swarm.ts';

describeProvider('Docker Swarm', () => openSwarm('contract', 'contract-a'));
