// `npm run down`: removes the stack and the functions, with --all everything that `up` made.
import { rmSync } from 'node:fs';
import { ROTATION_SUFFIX } from '../contract/password-secret.ts';
import { passwordFile, passwordSecrets, USER_SECRET } from './platform/credentials.ts';
import { FUNCTIONS_NETWORK } from './platform/functions-network.ts';
import { REGISTRY_VOLUMES } from './platform/registry.ts';
import {
  functionImages,
  ownImages,
  removeFunctionObjects,
  removeFunctions,
  removeImages,
  removeNamed,
  removeNetwork,
} from './platform/remove.ts';
import { removeStack, STACK } from './platform/stack.ts';
import { describeFailure, Problem } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';
import { runCommand } from './shell/run-command.ts';

const HELP = `npm run down [-- --all]

Removes the stack skep and every function, and waits until they are gone.

  --all   also the volumes (metrics, queues, dashboards, the registry's images), the secrets and namespaces of functions, the admin's secrets and
          password file, the network ${FUNCTIONS_NETWORK}, the platform's images, the stand-ins that were built for base
          images, and the functions' own images`;

try {
  const words = process.argv.slice(2);
  const unknown = words.find((word) => !['--all', '--help', '-h'].includes(word));
  if (unknown !== undefined) throw new Problem(`down takes no ${unknown}`, HELP);
  if (words.includes('--help') || words.includes('-h')) console.log(HELP);
  else await down(words.includes('--all'));
} catch (error) {
  console.error(`\n${describeFailure(error)}`);
  process.exitCode = 1;
}

async function down(all: boolean): Promise<void> {
  const { step } = new Progress(process.stdout, process.env);
  const engine = await runCommand(['docker', 'info', '--format', '{{.Swarm.ControlAvailable}}'], {
    timeoutMs: 30_000,
  });
  if (engine.exitCode !== 0) {
    throw new Problem(
      'no Docker engine answers, so nothing can be removed',
      'Start it (`npm run up` does), then run this again.',
    );
  }
  const images = all ? await functionImages() : [];
  const isManager = engine.stdout.trim() === 'true';
  if (isManager) {
    await step('removing the functions', removeFunctions, (count) => String(count));
    await step(`removing the stack ${STACK}`, removeStack);
  }
  if (!all) return;
  await step('removing volumes, secrets and the network', async () => {
    await removeNamed('volume', [
      'skep-prometheus',
      'skep-alertmanager',
      'skep-nats',
      'skep-grafana',
      ...REGISTRY_VOLUMES,
    ]);
    if (isManager) await removeFunctionObjects();
    if (isManager) await removeNamed('secret', [USER_SECRET, ...(await passwordSecrets())]);
    await removeNetwork(FUNCTIONS_NETWORK);
    for (const file of [passwordFile(process.env), passwordFile(process.env) + ROTATION_SUFFIX]) {
      rmSync(file, { force: true });
    }
  });
  await step(
    'removing images',
    async () => removeImages([...images, ...(await ownImages())]),
    (count) => String(count),
  );
}
