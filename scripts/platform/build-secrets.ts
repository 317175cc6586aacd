import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../shell/run-command.ts';

/** Docker secrets that an operator may have made, and the file that each is to the gateway. */
const BUILD_SECRETS: Readonly<Record<string, string>> = {
  'skep-payload-secret': 'payload-secret',
  'skep-builder-key': 'builder-key',
  'skep-registry-logins': 'config.json',
};

/** Runs `deploy` with the compose files that give the gateway the secrets for builds: one, or none where there are no such secrets. */
export async function withBuildSecrets(
  deploy: (composeFiles: readonly string[]) => Promise<void>,
  names: () => Promise<readonly string[]> = secretNames,
): Promise<void> {
  const there = await names();
  const found = Object.keys(BUILD_SECRETS).filter((name) => there.includes(name));
  if (found.length === 0) return deploy([]);
  const folder = mkdtempSync(join(tmpdir(), 'skep-build-secrets-'));
  try {
    const file = join(folder, 'build-secrets.json');
    writeFileSync(file, JSON.stringify(buildSecretsStack(found)));
    await deploy([file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What they add to `stack.yml`. */
export function buildSecretsStack(found: readonly string[]) {
  return {
    version: '3.8',
    services: {
      gateway: { secrets: found.map((source) => ({ source, target: BUILD_SECRETS[source] })) },
    },
    secrets: Object.fromEntries(found.map((name) => [name, { external: true, name }])),
  };
}

async function secretNames(): Promise<string[]> {
  const names = await mustRun(['docker', 'secret', 'ls', '--format', '{{.Name}}'], {
    advice: 'Look at `docker secret ls`.',
  });
  return names.split('\n');
}
