import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../platform/build-image.ts';
import { mustRun } from '../shell/run-command.ts';
import type { NpmPackages } from './catalog.ts';

export interface DockerfileStandIn {
  readonly image: string;
  /** The folder with the Dockerfile and what it copies. */
  readonly folder: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly npmPackages?: NpmPackages | undefined;
}

/** Builds a stand-in from its Dockerfile, with the npm packages it names unpacked beside it. */
export async function buildDockerfileStandIn(wanted: DockerfileStandIn): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'skep-stand-in-'));
  try {
    cpSync(wanted.folder, context, { recursive: true });
    const buildArguments: Record<string, string> = {};
    if (wanted.npmPackages !== undefined) {
      await Promise.all(
        Object.entries(wanted.npmPackages).map(([name, specifier]) =>
          unpackNpmPackage(specifier, join(context, name)),
        ),
      );
      buildArguments['NODE_VERSION'] = versionOf(join(context, 'node'));
    }
    // The host's network, so that a build reaches what the host reaches: a mirror on this machine, a proxy.
    await buildImage({
      context,
      tags: [wanted.image],
      labels: wanted.labels,
      buildArguments,
      network: 'host',
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

async function unpackNpmPackage(specifier: string, folder: string): Promise<void> {
  mkdirSync(folder);
  const advice = 'Check that npm works on this machine (`npm ping`), then run this again.';
  const packed = join(folder, 'packed');
  mkdirSync(packed);
  await mustRun(['npm', 'pack', '--silent', '--pack-destination', packed, specifier], {
    cwd: folder,
    advice,
  });
  const [archive = ''] = readdirSync(packed);
  await mustRun(
    ['tar', '-xzf', join(packed, archive), '-C', folder, '--strip-components=1', '--no-same-owner'],
    {
      advice,
    },
  );
  rmSync(packed, { recursive: true });
}

function versionOf(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) {
    throw new Error(`${folder}/package.json names no version`);
  }
  return String(manifest.version);
}
