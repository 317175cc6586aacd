import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap, YAMLSeq } from 'yaml';
import { CliError, fileError, systemCode } from './errors.ts';
import type { Shell } from './shell.ts';

export interface SavedLogin {
  readonly kind: 'basic' | 'oauth2';
  /** base64 of `user:password`, or the JWT. */
  readonly token: string;
}

/** `OPENFAAS_CONFIG`, or ./.openfaas in CI, or ~/.openfaas: faas-cli's, so that one login serves both. */
export function configFolder({ env, cwd, home }: Pick<Shell, 'env' | 'cwd' | 'home'>): string {
  const chosen = env['OPENFAAS_CONFIG'];
  if (chosen) {
    const expanded = chosen.replace(/^~(?=\/|$)/, home);
    return isAbsolute(expanded) ? expanded : join(cwd, expanded);
  }
  return join(env['CI'] === 'true' || env['CI'] === '1' ? cwd : home, '.openfaas');
}

/**
 * The logins by exact gateway address.
 * @throws {CliError} when the file cannot be read or is no config file
 */
export class ConfigFile {
  private readonly folder: string;
  private readonly path: string;

  constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, 'config.yml');
  }

  async find(gateway: string): Promise<SavedLogin | undefined> {
    const entry = entriesFor(this.authsOf(await this.read()), gateway)[0];
    if (!entry) return undefined;
    const token = scalarOf(entry, 'token');
    if (token === undefined || token === '') return undefined;
    return { kind: scalarOf(entry, 'auth') === 'oauth2' ? 'oauth2' : 'basic', token };
  }

  /** Adds or replaces the entry of one gateway; everything else in the file stays. */
  async save(gateway: string, login: SavedLogin): Promise<void> {
    const document = await this.read();
    const auths = this.authsOf(document);
    const [entry] = entriesFor(auths, gateway);
    if (entry) {
      entry.set('auth', login.kind);
      entry.set('token', login.token);
    } else {
      auths.add(document.createNode({ gateway, auth: login.kind, token: login.token }));
    }
    document.set('auths', auths);
    await this.write(document.toString({ indentSeq: false, lineWidth: 0 }));
  }

  /** @returns whether there was one */
  async remove(gateway: string): Promise<boolean> {
    const document = await this.read();
    const auths = this.authsOf(document);
    const gone = entriesFor(auths, gateway);
    if (gone.length === 0) return false;
    auths.items = auths.items.filter((item) => !gone.includes(item as YAMLMap));
    document.set('auths', auths);
    await this.write(document.toString({ indentSeq: false, lineWidth: 0 }));
    return true;
  }

  private async read() {
    let text = '';
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw fileError('read', this.path, error);
    }
    const document = parseDocument(text, { prettyErrors: false });
    const [problem] = document.errors;
    if (problem || (document.contents !== null && !isMap(document.contents))) {
      throw new CliError(
        `${this.path} is damaged (${problem?.message ?? 'not a map'}): correct or delete it`,
      );
    }
    return document;
  }

  private authsOf(document: { get(key: string): unknown }): YAMLSeq {
    const auths = document.get('auths');
    if (isSeq(auths)) return auths;
    if (auths === undefined || auths === null) return new YAMLSeq();
    throw new CliError(`${this.path} is damaged ("auths" is no list): correct or delete it`);
  }

  /** Written beside and renamed, so that no reader ever sees half a file, and never readable by others. */
  private async write(text: string): Promise<void> {
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await chmod(this.folder, 0o700);
      await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw fileError('write', this.path, error);
    }
  }
}

function entriesFor(auths: YAMLSeq, gateway: string): YAMLMap[] {
  return auths.items.filter(isMap).filter((entry) => scalarOf(entry, 'gateway') === gateway);
}

function scalarOf(entry: YAMLMap, key: string): string | undefined {
  const value = entry.get(key, true);
  return isScalar(value) ? (value.source ?? String(value.value)) : undefined;
}
