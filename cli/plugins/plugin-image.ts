import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { CliError, messageOf } from '../errors.ts';
import { RegistryClient } from './registry-client.ts';

const MOST_BYTES = 512 * 1024 * 1024;

export interface PluginPlace {
  /** Registry and folder, e.g. `ghcr.io/openfaasltd`; with `http://` before it where it is not encrypted. */
  readonly registry: string;
  readonly name: string;
  /** Tag or digest. */
  readonly version: string;
  /** As images name them: `linux`, `darwin`, `windows`; `amd64`, `arm64`, `arm`. */
  readonly os: string;
  readonly arch: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly platform: { readonly os?: unknown; readonly architecture?: unknown } | undefined;
}

/** Fetches the program out of a plugin's image. @throws {CliError} saying what is not there */
export async function fetchPlugin(place: PluginPlace): Promise<Buffer> {
  const { base, folder } = locate(place.registry);
  const client = new RegistryClient(base, `${folder}${place.name}`);
  const top = await client.manifest(place.version);
  const list = descriptors(top, 'manifests');
  const manifest = list.length === 0 ? top : await client.manifest(chooseManifest(list, place).digest);
  const layers = descriptors(manifest, 'layers');
  if (layers.length === 0) throw new CliError(`the image of ${place.name} has no layers`);
  // A later layer lies over those before it.
  for (const layer of layers.toReversed()) {
    const program = await findProgram(await client.blob(layer.digest), layer.mediaType, place);
    if (program !== undefined) return program;
  }
  throw new CliError(`there is no program "${place.name}" in its image: is it a plugin?`);
}

/** @throws {CliError} for what is no registry */
function locate(registry: string): { base: string; folder: string } {
  const [, scheme = '', host = '', path = ''] =
    /^(https?:\/\/)?([\w.-]+(?::\d+)?)((?:\/[a-z0-9._-]+)*)\/?$/.exec(registry) ?? [];
  if (host === '')
    throw new CliError(`--registry must be like ghcr.io/openfaasltd, but you gave: ${registry}`);
  // As Docker has it: a registry on this machine needs no TLS.
  const isLocal = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host);
  return {
    base: `${scheme || (isLocal ? 'http://' : 'https://')}${host}`,
    folder: path === '' ? '' : `${path.slice(1)}/`,
  };
}

function chooseManifest(list: readonly Descriptor[], { name, os, arch }: PluginPlace): Descriptor {
  const found = list.find(({ platform }) => platform?.os === os && platform.architecture === arch);
  if (found !== undefined) return found;
  const there = list.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown'
      ? []
      : [`${String(platform.os)}/${String(platform.architecture)}`],
  );
  throw new CliError(
    `${name} is not there for ${os}/${arch}, but for ${[...new Set(there)].join(', ')}: see --os and --arch`,
  );
}

function descriptors(manifest: unknown, key: 'manifests' | 'layers'): Descriptor[] {
  const fields = (typeof manifest === 'object' && manifest !== null ? manifest : {}) as Readonly<
    Record<string, unknown>
  >;
  const list = fields[key];
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) => {
    const { digest, mediaType, platform } = (
      typeof item === 'object' && item !== null ? item : {}
    ) as Readonly<Record<string, unknown>>;
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
      throw new CliError('the image has a manifest without digests: it cannot be checked');
    return {
      digest,
      mediaType: typeof mediaType === 'string' ? mediaType : '',
      platform: typeof platform === 'object' && platform !== null ? platform : undefined,
    };
  });
}

/** The file of that name anywhere in a layer; links and folders are none. */
async function findProgram(
  layer: Buffer,
  mediaType: string,
  { name, os }: PluginPlace,
): Promise<Buffer | undefined> {
  if (/zstd/.test(mediaType))
    throw new CliError('the image is packed with zstd, which is not understood here');
  const wanted = os === 'windows' ? [name, `${name}.exe`] : [name];
  const tar = extract();
  const isPacked = layer[0] === 0x1f && layer[1] === 0x8b;
  const source = Readable.from([layer]);
  const unpacked = isPacked ? source.pipe(createGunzip()) : source;
  unpacked.on('error', (error) => tar.destroy(error));
  unpacked.pipe(tar);
  try {
    for await (const entry of tar) {
      const { header } = entry;
      if (header.type === 'file' && wanted.includes(header.name.split('/').at(-1) ?? '')) {
        if ((header.size ?? 0) > MOST_BYTES) throw new CliError(`${header.name} in the image is too large`);
        const chunks: Buffer[] = [];
        for await (const chunk of entry) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      }
      entry.resume();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`a layer of the image cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
  }
  return undefined;
}
