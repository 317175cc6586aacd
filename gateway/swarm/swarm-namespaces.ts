import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import type { ConfigInfo } from 'dockerode';
import type { FunctionNamespace } from '../../contract/parse-namespace.ts';
import { FaasError } from '../errors.ts';
import type { NamespaceStore } from '../functions/namespace-store.ts';
import { alreadyExists, notFound } from '../functions/namespaces.ts';
import { createEngine } from './engine.ts';
import { engineStatus, isOutOfSequence, toFaasError } from './errors.ts';
import { ANNOTATION_PREFIX, toAnnotations } from './function-labels.ts';

/** On the Swarm config that stands for a namespace: its name. */
const NAMESPACE_CONFIG_LABEL = 'skep.namespace';
const RESERVED_PREFIXES = [ANNOTATION_PREFIX, 'skep.', 'com.docker.'];
const NAME_PREFIX = 'namespace_';
/** The longest name that Swarm takes for a config. */
const LONGEST = 64;
const HASH_LENGTH = 10;
const MOST_ATTEMPTS = 10;

export interface SwarmNamespacesOptions {
  readonly docker: Docker;
  /** Longest wait for one answer of the engine; default 20000. */
  readonly callLimitMs?: number;
}

/** Namespaces as Swarm configs: all that is told stands in the config's labels, the only part of one that can change. */
export function createSwarmNamespaces(options: SwarmNamespacesOptions): NamespaceStore {
  const engine = createEngine(options.docker, options);
  const listConfigs = async (): Promise<ConfigInfo[]> =>
    engine.ask('list configs', (client, abortSignal) =>
      client.listConfigs({ filters: { label: [NAMESPACE_CONFIG_LABEL] }, abortSignal }),
    );
  const find = async (name: string): Promise<ConfigInfo> => {
    const found = (await listConfigs()).find(({ Spec }) => Spec?.Labels?.[NAMESPACE_CONFIG_LABEL] === name);
    if (found === undefined) throw notFound(name);
    return found;
  };

  return {
    list: async () =>
      (await listConfigs())
        .map(({ Spec }) => toNamespace(Spec?.Labels ?? {}))
        .sort((left, right) => (left.name < right.name ? -1 : 1)),

    create: async (namespace) => {
      const Labels = toConfigLabels(namespace);
      try {
        await engine.call('create config', (client, abortSignal) =>
          client.createConfig({
            Name: toConfigName(namespace.name),
            Labels,
            // Swarm keeps no empty config.
            Data: Buffer.from(namespace.name).toString('base64'),
            abortSignal,
          }),
        );
      } catch (error) {
        if (engineStatus(error) === 409) throw alreadyExists(namespace.name);
        throw toFaasError(error, 'create config');
      }
    },

    update: async (namespace) => {
      const Labels = toConfigLabels(namespace);
      for (let attempt = 1; ; attempt++) {
        const { ID, Version, Spec } = await find(namespace.name);
        try {
          await engine.call('update config', (client, abortSignal) =>
            client.getConfig(ID).update({
              abortSignal,
              _query: { version: Version?.Index },
              _body: { ...Spec, Labels },
            }),
          );
          return;
        } catch (error) {
          if (engineStatus(error) === 404) throw notFound(namespace.name);
          if (!isOutOfSequence(error) || attempt === MOST_ATTEMPTS) throw toFaasError(error, 'update config');
        }
      }
    },

    remove: async (name) => {
      const { ID } = await find(name);
      try {
        await engine.call('remove config', (client, abortSignal) =>
          client.getConfig(ID).remove({ abortSignal }),
        );
      } catch (error) {
        throw engineStatus(error) === 404 ? notFound(name) : toFaasError(error, 'remove config');
      }
    },
  };
}

/** @throws {FaasError} `invalid_request` for a key that is the platform's */
export function toConfigLabels({ name, labels, annotations }: FunctionNamespace): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(labels)) {
    checkKey(key, 'labels');
    if (RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))) {
      throw new FaasError(
        'invalid_request',
        `labels: ${key} is reserved for the platform: choose another key`,
      );
    }
    kept[key] = value;
  }
  for (const [key, value] of Object.entries(annotations)) {
    checkKey(key, 'annotations');
    kept[ANNOTATION_PREFIX + key] = value;
  }
  return { ...kept, [NAMESPACE_CONFIG_LABEL]: name };
}

function toNamespace(labels: Readonly<Record<string, string>>): FunctionNamespace {
  const own = Object.entries(labels).filter(
    ([key]) => !RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix)),
  );
  return {
    name: labels[NAMESPACE_CONFIG_LABEL] ?? '',
    labels: Object.fromEntries(own),
    annotations: toAnnotations(labels),
  };
}

function toConfigName(name: string): string {
  if (NAME_PREFIX.length + name.length <= LONGEST) return NAME_PREFIX + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${NAME_PREFIX}${name.slice(0, LONGEST - NAME_PREFIX.length - HASH_LENGTH - 1)}_${hash}`;
}

function checkKey(key: string, field: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (key === '' || key === '__proto__' || /[\u0000-\u001f\u007f]/.test(key)) {
    throw new FaasError('invalid_request', `${field}: ${JSON.stringify(key)} is not a key`);
  }
}
