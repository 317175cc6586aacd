// Pushes an image for two platforms, as buildx does, to a registry of which only this network knows: `bun push-index.ts BASE NAME`.
// Prints the digests of the two: no tag names them, the index does.
import { createHash } from 'node:crypto';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
const [base = '', name = ''] = process.argv.slice(2);

const images = await Promise.all(['amd64', 'arm64'].map(pushImage));
const manifests = images.map(({ architecture, ...image }) => ({
  mediaType: MANIFEST,
  ...image,
  platform: { os: 'linux', architecture },
}));
await pushManifest('latest', INDEX, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
for (const { digest } of images) console.log(digest);

async function pushImage(
  architecture: string,
): Promise<{ architecture: string; digest: string; size: number }> {
  const config = await pushBlob(JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers' } }));
  const layer = await pushBlob(`a layer for ${architecture}`);
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...config },
    layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...layer }],
  });
  const digest = digestOf(text);
  await pushManifest(digest, MANIFEST, text);
  return { architecture, digest, size: text.length };
}

async function pushBlob(text: string): Promise<{ digest: string; size: number }> {
  const begun = await fetch(`${base}/v2/${name}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', base);
  place.searchParams.set('digest', digestOf(text));
  await sent(fetch(place, { method: 'PUT', body: Buffer.from(text) }));
  return { digest: digestOf(text), size: text.length };
}

async function pushManifest(reference: string, type: string, text: string): Promise<void> {
  const url = `${base}/v2/${name}/manifests/${reference}`;
  await sent(fetch(url, { method: 'PUT', headers: { 'Content-Type': type }, body: text }));
}

async function sent(answer: Promise<Response>): Promise<void> {
  const { status, url } = await answer;
  if (status !== 201) throw new Error(`${url} answered ${status}`);
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
