import { qualifiedName } from '../../contract/function-ref.ts';
import { bareNamespace, type FunctionNamespace } from '../../contract/parse-namespace.ts';
import { FaasError } from '../errors.ts';
import type { NamespaceStore } from './namespace-store.ts';
import type { Provider } from './provider.ts';
import type { SecretStore } from './secret-store.ts';

export interface NamespacesOptions {
  readonly store: NamespaceStore;
  readonly secrets: Pick<SecretStore, 'list' | 'remove'>;
  readonly provider: Pick<Provider, 'list' | 'remove'>;
  readonly defaultNamespace: string;
}

const MOST_NAMED = 10;

/** Namespaces as users see them: the default one, those that were made, and those that functions live in. */
export class Namespaces {
  readonly defaultNamespace: string;
  private readonly options: NamespacesOptions;

  constructor(options: NamespacesOptions) {
    this.options = options;
    this.defaultNamespace = options.defaultNamespace;
  }

  /** Names, sorted. */
  async names(): Promise<string[]> {
    const { store, provider, defaultNamespace } = this.options;
    const [made, functions] = await Promise.all([store.list(), provider.list()]);
    const names = [defaultNamespace, ...made.map(({ name }) => name), ...functions.map((fn) => fn.namespace)];
    return [...new Set(names)].sort();
  }

  /** @throws {FaasError} `namespace_not_found` */
  async read(name: string): Promise<FunctionNamespace> {
    const made = await this.find(name);
    if (made !== undefined) return made;
    if (!(await this.exists(name))) throw notFound(name);
    return bareNamespace(name);
  }

  async exists(name: string): Promise<boolean> {
    if (name === this.defaultNamespace || (await this.find(name)) !== undefined) return true;
    return (await this.options.provider.list(name)).length > 0;
  }

  /** @throws {FaasError} `namespace_exists` */
  async create(namespace: FunctionNamespace): Promise<void> {
    if (await this.exists(namespace.name)) throw alreadyExists(namespace.name);
    await this.options.store.create(namespace);
  }

  /** @throws {FaasError} `namespace_not_found` */
  async update(namespace: FunctionNamespace): Promise<void> {
    const { store } = this.options;
    if ((await this.find(namespace.name)) !== undefined) return store.update(namespace);
    // The default one, or one that exists because functions live in it: kept from now on.
    if (!(await this.exists(namespace.name))) throw notFound(namespace.name);
    await store.create(namespace);
  }

  /**
   * @param force with the functions and secrets in it, which otherwise stand against it
   * @throws {FaasError} `namespace_not_found`, `namespace_not_empty`, `invalid_request` for the default one
   */
  async remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    const { store, secrets, provider } = this.options;
    if (name === this.defaultNamespace) {
      throw new FaasError('invalid_request', `${name} is the default namespace: it cannot be deleted`);
    }
    const [made, functions, kept] = await Promise.all([
      this.find(name),
      provider.list(name),
      secrets.list(name),
    ]);
    if (made === undefined && functions.length === 0 && kept.length === 0) throw notFound(name);
    if (!force && functions.length + kept.length > 0) {
      const held = [
        ...functions.map((fn) => `function ${fn.name}`),
        ...kept.map((secret) => `secret ${secret.name}`),
      ];
      throw new FaasError(
        'namespace_not_empty',
        `namespace ${name} still holds ${enumerate(held)}: remove them first, or delete it with ?force=true`,
      );
    }
    for (const fn of functions) await unlessGone(provider.remove(fn), 'function_not_found');
    for (const secret of kept) await unlessGone(secrets.remove(secret), 'secret_not_found');
    if (made !== undefined) await store.remove(name);
  }

  private async find(name: string): Promise<FunctionNamespace | undefined> {
    return (await this.options.store.list()).find((each) => each.name === name);
  }
}

/** The same provider, but new functions go only where a namespace is. */
export function inNamespaces(
  provider: Provider,
  namespaces: Pick<Namespaces, 'exists' | 'defaultNamespace'>,
): Provider {
  return {
    ...provider,
    create: async (deployment) => {
      const namespace = deployment.namespace || namespaces.defaultNamespace;
      if (!(await namespaces.exists(namespace))) {
        const ref = qualifiedName({ name: deployment.service, namespace });
        throw new FaasError(
          'invalid_request',
          `namespace: ${namespace} does not exist, so ${ref} cannot be deployed: create it with \`faas-cli namespace create ${namespace}\` (or skep)`,
        );
      }
      await provider.create(deployment);
    },
  };
}

export function alreadyExists(name: string): FaasError {
  return new FaasError('namespace_exists', `namespace ${name} exists already: change it with PUT`);
}

export function notFound(name: string): FaasError {
  return new FaasError('namespace_not_found', `namespace ${name} not found`);
}

async function unlessGone(
  removal: Promise<void>,
  code: 'function_not_found' | 'secret_not_found',
): Promise<void> {
  try {
    await removal;
  } catch (error) {
    // Somebody else was faster: gone is what was wanted.
    if (!(error instanceof FaasError) || error.code !== code) throw error;
  }
}

function enumerate(items: readonly string[]): string {
  const more = items.length - MOST_NAMED;
  return items.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
