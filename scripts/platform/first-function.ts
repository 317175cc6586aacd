import { join } from 'node:path';
import { Problem } from '../shell/problem.ts';
import { mustRun } from '../shell/run-command.ts';

/** The example that `up` shows the chain with. */
export const FIRST_FUNCTION = 'hello-ts';

export interface SkepTarget {
  readonly root: string;
  readonly gateway: string;
}

/** Saves the admin's login for the `skep` command. */
export async function logIn({ root, gateway }: SkepTarget, password: string, file: string): Promise<void> {
  await mustRun([join(root, 'dist', 'skep'), 'login', '--gateway', gateway, '--password-stdin'], {
    input: `${password}\n`,
    advice: `The password in ${file} may be another swarm's. \`npm run down -- --all\` and \`npm run up\` make a new one.`,
  });
}

/** Builds and deploys the example. */
export async function deployFirstFunction({ root, gateway }: SkepTarget): Promise<void> {
  const skep = join(root, 'dist', 'skep');
  await mustRun([skep, 'up', '--gateway', gateway, '-f', 'stack.yaml', '--filter', FIRST_FUNCTION], {
    cwd: join(root, 'examples'),
    advice: `The platform itself runs. \`${skep} up -f stack.yaml --filter ${FIRST_FUNCTION}\` in examples/ shows it again.`,
  });
}

/** What `up` suggests to type next: it must work as it stands. */
export function firstCall(gateway: string): string {
  return `curl ${gateway}/function/${FIRST_FUNCTION} -d you`;
}

/** Calls the example. @returns what it said @throws {Problem} for any answer but 200 */
export async function callFirstFunction({ gateway }: SkepTarget): Promise<string> {
  const url = `${gateway}/function/${FIRST_FUNCTION}`;
  const response = await fetch(url, { method: 'POST', body: 'Skep', signal: AbortSignal.timeout(90_000) });
  const text = (await response.text()).trim();
  if (response.status === 200) return text;
  throw new Problem(
    `${url} answered ${response.status}: ${text}`,
    `\`docker service logs ${FIRST_FUNCTION}\` and \`docker service logs skep_gateway\` tell more.`,
  );
}
