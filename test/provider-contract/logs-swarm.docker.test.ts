import { createSwarmLogs } from '../../gateway/swarm/swarm-logs.ts';
import { openPlatform } from '../support/platform.ts';
import { describeLogSource } from './describe-log-source.ts';
import { openSwarm } from './open-swarm.ts';

describeLogSource('Docker Swarm', async () => {
  // The test's own image has no watchdog.
  const image = await (await openPlatform()).exampleImage();
  const swarm = await openSwarm('contractlogs');
  return { ...swarm, image, logs: createSwarmLogs({ docker: swarm.docker, silenceMs: 2000 }) };
});
