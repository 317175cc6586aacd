import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { docker, succeeded } from '../support/cli.ts';
import { type Platform, until } from '../support/platform.ts';
import { SteadyLoad } from '../support/steady-load.ts';

/** Answers with the replica's name, what it was called with and the body; each call in a process of its own. */
const ANSWER = `#!/bin/sh
case "$Http_Path" in
/slow/*) sleep 0.3 ;;
/slower/*) sleep 2 ;;
esac
echo "$HOSTNAME $Http_Path"
exec cat
`;

/** The same by a server behind the watchdog's mode `http`, which ends at once on SIGTERM, as servers do that were not written for it. */
const SERVER = `
Bun.serve({
  port: 3000,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/slow/')) await Bun.sleep(300);
    return new Response(\`\${process.env.HOSTNAME} \${pathname}\\n\${await request.text()}\`);
  },
});
`;

const KINDS = {
  process: { program: ANSWER, path: '/usr/bin/answer', env: 'fprocess=/usr/bin/answer' },
  server: {
    program: SERVER,
    path: '/home/app/server.js',
    env: 'mode=http upstream_url=http://127.0.0.1:3000 fprocess="bun /home/app/server.js"',
  },
};

/** Builds the image on the platform's example, whose watchdog it has. @returns its tag */
export async function answeringImage(
  platform: Platform,
  kind: keyof typeof KINDS = 'process',
): Promise<string> {
  const { program, path, env } = KINDS[kind];
  const tag = `zero-loss/answering-${kind}:latest`;
  const folder = mkdtempSync(join(tmpdir(), 'skep-zero-loss-'));
  try {
    writeFileSync(join(folder, 'program'), program);
    chmodSync(join(folder, 'program'), 0o755);
    const from = process.env['ZERO_LOSS_BASE'] ?? (await platform.exampleImage());
    writeFileSync(
      join(folder, 'Dockerfile'),
      `FROM ${from}\nCOPY program ${path}\nENV ${env} cgi_response=false combine_output=false\n`,
    );
    succeeded('docker build', await docker('build', '-q', '-t', tag, folder));
    return tag;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The function of one test, behind one gateway. */
export interface AnsweringFunction {
  readonly name: string;
  readonly url: string;
  read(): Promise<FunctionStatus>;
  /** A new version of it: Swarm replaces every replica. Resolves when the roll-out is done and nothing of the former version runs. */
  update(version: number): Promise<void>;
  /** Resolves when so many replicas are available. */
  scale(replicas: number): Promise<void>;
  /** Ids of the containers on this engine that run it now. */
  containers(): Promise<string[]>;
  remove(): Promise<void>;
}

/** Deploys it and resolves when every replica takes calls. */
export async function deployAnswering(
  platform: Pick<Platform, 'url' | 'request'>,
  {
    name,
    replicas,
    image,
    constraints,
    envVars = {},
  }: {
    readonly name: string;
    readonly replicas: number;
    readonly image: string;
    readonly constraints?: readonly string[];
    readonly envVars?: Readonly<Record<string, string>>;
  },
): Promise<AnsweringFunction> {
  const write = async (method: string, version: number): Promise<void> => {
    const response = await platform.request('/system/functions', {
      method,
      json: {
        service: name,
        image,
        // Scaled by this test alone.
        labels: { 'com.openfaas.scale.min': `${replicas}`, 'com.openfaas.scale.factor': '0' },
        envVars: { ...envVars, version: `${version}` },
        ...(constraints !== undefined && { constraints }),
      },
    });
    if (response.status !== 202)
      throw new Error(`${method} ${name}: ${response.status} ${await response.text()}`);
  };
  const remove = async (): Promise<void> => {
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: name } });
    await until(`the end of ${name}`, async () => (await containers()).length === 0);
  };
  const read = async (): Promise<FunctionStatus> =>
    (await (await platform.request(`/system/function/${name}`)).json()) as FunctionStatus;
  const containers = async (): Promise<string[]> => {
    const { stdout } = await docker(
      'ps',
      '-q',
      '--no-trunc',
      '--filter',
      `label=com.docker.swarm.service.name=${name}`,
    );
    return stdout.split('\n').filter((line) => line !== '');
  };
  const answering: AnsweringFunction = {
    name,
    url: `${platform.url}/function/${name}`,
    read,
    update: async (version) => {
      await write('PUT', version);
      await until(
        `version ${version} of ${name}`,
        async () => (await read()).rollout?.state === 'done',
        120_000,
      );
    },
    scale: async (count) => {
      const response = await platform.request(`/system/scale-function/${name}`, {
        method: 'POST',
        json: { replicas: count },
      });
      if (response.status !== 202)
        throw new Error(`scale ${name}: ${response.status} ${await response.text()}`);
      await until(`${count} replicas of ${name}`, async () => (await read()).availableReplicas === count);
    },
    containers,
    remove,
  };
  await remove();
  await write('POST', 0);
  await until(`${replicas} replicas of ${name}`, async () => (await read()).availableReplicas === replicas);
  const warm = new SteadyLoad({ url: answering.url, perSecond: 50 });
  await warm.untilSent(20);
  await warm.stop();
  return answering;
}
