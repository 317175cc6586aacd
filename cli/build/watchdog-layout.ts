import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { CliError } from '../errors.ts';
import { capture } from '../run-program.ts';
import type { Shell } from '../shell.ts';
import { WATCHDOG_IMAGE } from './base-image.ts';

const OCI = 'application/vnd.oci.image';
const TAG = 'latest';
/** What Docker's versions, and others, say of a file that is not there. */
const NOT_IN_IT = /no such|not find|not found|does not exist/i;
const OTHER: Readonly<Record<string, string>> = { amd64: 'arm64', arm64: 'amd64' };

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** The watchdog's image as a folder from which buildx takes it. */
export interface WatchdogLayout {
  /**
   * For `--build-context`: a builder in a container has none of the engine's images, and this one is in no registry.
   * @param platforms as `--platform` has them
   * @throws {CliError} where there is no watchdog for one of them
   */
  contextFor(platforms: string): string;
  remove(): Promise<void>;
}

/** Of the engine's image, e.g. `linux/amd64`; undefined where it has none. */
export async function watchdogPlatform(shell: Shell): Promise<string | undefined> {
  const format = '{{.Os}}/{{.Architecture}}';
  const { exitCode, stdout } = await docker(shell, 'image', 'inspect', '--format', format, WATCHDOG_IMAGE);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/**
 * Takes the watchdogs out of the engine's image, each for its platform.
 * @returns undefined where the engine has no such image
 */
export async function makeWatchdogLayout(shell: Shell): Promise<WatchdogLayout | undefined> {
  const inspected = await docker(shell, 'image', 'inspect', '--format', '{{.Architecture}}', WATCHDOG_IMAGE);
  if (inspected.exitCode !== 0) return undefined;
  const native = inspected.stdout.trim();
  const folder = await mkdtemp(join(tmpdir(), 'skep-publish-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const blobs = join(folder, 'blobs', 'sha256');
    await mkdir(blobs, { recursive: true });
    const files = await takeOut(shell, folder, native);
    const manifests: object[] = [];
    for (const [architecture, content] of files) {
      const layer = await putLayer(blobs, content);
      const config = await putJson(blobs, {
        architecture,
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
      });
      const manifest = await putJson(blobs, {
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config: { mediaType: `${OCI}.config.v1+json`, ...config },
        layers: [{ mediaType: `${OCI}.layer.v1.tar`, ...layer }],
      });
      manifests.push({
        mediaType: `${OCI}.manifest.v1+json`,
        ...manifest,
        platform: { architecture, os: 'linux' },
      });
    }
    const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json` };
    const all = await putJson(blobs, { ...index, manifests });
    const named = { 'org.opencontainers.image.ref.name': TAG };
    const top = { ...index, manifests: [{ mediaType: index.mediaType, ...all, annotations: named }] };
    await writeFile(join(folder, 'index.json'), JSON.stringify(top));
    await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const contextFor = (platforms: string): string => {
      const isThere = (platform: string): boolean => files.has(platform.split('/')[1] ?? '');
      const missing = platforms.split(',').filter((platform) => !isThere(platform));
      if (missing.length === 0) return `${WATCHDOG_IMAGE}=oci-layout://${folder}:${TAG}`;
      throw new CliError(
        `${WATCHDOG_IMAGE} has no watchdog for ${missing.join(' and ')}, but for ${[...files.keys()].join(' and ')}: ` +
          '"npm run up" in a checkout of Skep compiles the one of amd64 or arm64 where it can be had, and "npm run build -- --all" tells why not; ' +
          'or publish for other platforms ("--platforms", "platforms" in the stack file)',
      );
    };
    return { contextFor, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What an image holds: its path in the image, and where it is here. */
type Content = readonly { readonly name: string; readonly path: string }[];

async function takeOut(shell: Shell, folder: string, native: string): Promise<ReadonlyMap<string, Content>> {
  const failed = (why: string): CliError =>
    new CliError(`the watchdog cannot be taken out of ${WATCHDOG_IMAGE}: ${why.trim()}`);
  // A name of ours: it can be removed though Ctrl-C has ended Docker's program before it told the container's id.
  const name = basename(folder);
  const unstopped = { cwd: shell.cwd, env: shell.env };
  try {
    const created = await docker(
      unstopped,
      ...['create', '--pull=never', '--name', name, WATCHDOG_IMAGE, 'never-started'],
    );
    shell.stop?.throwIfAborted();
    if (created.exitCode !== 0) throw failed(created.stderr);
    const take = async (file: string): Promise<string | undefined> => {
      const path = join(folder, file);
      const { exitCode, stderr } = await docker(shell, 'cp', `${name}:/${file}`, path);
      if (exitCode === 0) return path;
      // The variants are in it where they could be compiled.
      if (file !== 'fwatchdog' && NOT_IN_IT.test(stderr)) return undefined;
      throw failed(stderr);
    };
    const files = new Map<string, Content>();
    const add = (architecture: string, name: string, path: string | undefined): void => {
      if (path !== undefined) files.set(architecture, [...(files.get(architecture) ?? []), { name, path }]);
    };
    add(native, 'fwatchdog', await take('fwatchdog'));
    add(native, 'fwatchdog-musl', await take('fwatchdog-musl'));
    const other = OTHER[native];
    if (other !== undefined) add(other, 'fwatchdog', await take(`fwatchdog-${other}`));
    return files;
  } finally {
    await docker(unstopped, 'rm', name); // also when a signal ends all
  }
}

function docker(shell: Pick<Shell, 'cwd' | 'env' | 'stop'>, ...args: string[]): ReturnType<typeof capture> {
  return capture('docker', args, shell);
}

/** Without times, so that the same files are the same layer, which builders keep. */
async function putLayer(blobs: string, content: Content): Promise<Blob> {
  const tar = pack();
  const hash = createHash('sha256');
  const counted = new PassThrough().on('data', (chunk: Buffer) => hash.update(chunk));
  const path = join(blobs, 'layer');
  const written = pipeline(tar, counted, createWriteStream(path));
  for (const { name, path: from } of content) {
    const { size } = await stat(from);
    await pipeline(createReadStream(from), tar.entry({ name, size, mode: 0o755, mtime: new Date(0) }));
  }
  tar.finalize();
  await written;
  const { size } = await stat(path);
  const digest = hash.digest('hex');
  await rename(path, join(blobs, digest));
  return { digest: `sha256:${digest}`, size };
}

async function putJson(blobs: string, value: object): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(blobs, digest), bytes);
  return { digest: `sha256:${digest}`, size: bytes.length };
}
