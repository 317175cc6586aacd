import { createHash } from 'node:crypto';
import { CliError, messageOf } from '../errors.ts';
import { call } from '../gateway-client.ts';

const TIMEOUT_MS = 120_000;
const MOST_BYTES = 512 * 1024 * 1024;
const MOST_MANIFEST_BYTES = 4 * 1024 * 1024;
const MOST_REDIRECTS = 5;

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

type Reply = Awaited<ReturnType<typeof call>>;

/** One repository of an image registry, read without credentials (or with a token that it gives to everybody). */
export class RegistryClient {
  readonly #base: string;
  readonly #repository: string;
  #token: string | undefined;

  /** @param base with its scheme, e.g. `https://ghcr.io` @param repository e.g. `openfaasltd/pro` */
  constructor(base: string, repository: string) {
    this.#base = base;
    this.#repository = repository;
  }

  /** @throws {CliError} when it is not there, or is no JSON */
  async manifest(reference: string): Promise<unknown> {
    const reply = await this.#get(`manifests/${reference}`, { Accept: MANIFEST_TYPES.join(', ') });
    const bytes = await this.#bytesOf(reply, MOST_MANIFEST_BYTES);
    if (reference.startsWith('sha256:')) verify(bytes, reference);
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      throw new CliError(`${this.#base} answered something that is no manifest: is it a registry of images?`);
    }
  }

  /** Its content is what the digest says. @throws {CliError} */
  async blob(digest: string): Promise<Buffer> {
    const bytes = await this.#bytesOf(await this.#get(`blobs/${digest}`, {}), MOST_BYTES);
    verify(bytes, digest);
    return bytes;
  }

  async #get(path: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    const url = `${this.#base}/v2/${this.#repository}/${path}`;
    let reply = await this.#follow(url, headers);
    if (reply.status === 401 && this.#token === undefined) {
      this.#token = await this.#fetchToken(reply.headers.get('www-authenticate') ?? '');
      reply = await this.#follow(url, headers);
    }
    if (reply.status === 200) return reply;
    const what = `${new URL(this.#base).host}/${this.#repository}`;
    if (reply.status === 404) throw new CliError(`there is no image ${what} with ${path.replace('/', ' ')}`);
    if (reply.status === 401 || reply.status === 403)
      throw new CliError(
        `${what} is not for everybody (${reply.status}), and plugins are fetched without a login`,
      );
    throw new CliError(`${what}: the registry answered ${reply.status}`);
  }

  /** Registries hand blobs over to other hosts, which must not be sent the token. */
  async #follow(from: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    let url = from;
    for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
      const isOwn = new URL(url).origin === new URL(this.#base).origin;
      const token = isOwn && this.#token !== undefined ? { Authorization: `Bearer ${this.#token}` } : {};
      const reply = await reach(url, { ...headers, ...token });
      const location = reply.headers.get('location');
      if (reply.status < 300 || reply.status > 399 || location === null) return reply;
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && new URL(url).protocol === 'https:')
        throw new CliError(`${url} leads to ${next.origin}, which is not encrypted`);
      url = next.href;
    }
    throw new CliError(`${from} leads from one address to the next without end`);
  }

  async #fetchToken(challenge: string): Promise<string> {
    const fields = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key.toLowerCase(),
        value,
      ]),
    );
    const realm = fields['realm'];
    if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm))
      throw new CliError(`${this.#base} wants a login, and plugins are fetched without one`);
    const url = new URL(realm);
    if (url.protocol !== 'https:' && new URL(this.#base).protocol === 'https:')
      throw new CliError(`${this.#base} sends for a token to ${url.origin}, which is not encrypted`);
    url.searchParams.set('scope', `repository:${this.#repository}:pull`);
    if (fields['service'] !== undefined) url.searchParams.set('service', fields['service']);
    const reply = await reach(url.href, {});
    const answer: unknown = await reply.json().catch(() => undefined);
    const { token, access_token: access } = (typeof answer === 'object' && answer !== null ? answer : {}) as {
      token?: unknown;
      access_token?: unknown;
    };
    const found = typeof token === 'string' ? token : access;
    if (typeof found !== 'string' || found === '')
      throw new CliError(`${url.origin} gave no token (${reply.status}): the image is not for everybody`);
    return found;
  }

  async #bytesOf(reply: Reply, most: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of reply.body ?? []) {
        size += (chunk as Buffer).length;
        if (size > most) throw new CliError(`${this.#base} sent more than ${most / 1024 / 1024} MiB at once`);
        chunks.push(Buffer.from(chunk as Buffer));
      }
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError(`${this.#base} broke off: ${messageOf(error)}`, { cause: error });
    }
    return Buffer.concat(chunks);
  }
}

async function reach(url: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
  try {
    return await call(url, { headers, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    // What is said there is about gateways.
    const cause = error instanceof CliError ? error.cause : error;
    throw new CliError(`Cannot reach ${new URL(url).origin}: ${messageOf(cause)}`, { cause });
  }
}

function verify(bytes: Buffer, digest: string): void {
  const own = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (own !== digest)
    throw new CliError(`what the registry sent is not ${digest}, but ${own}: nothing was kept`);
}
