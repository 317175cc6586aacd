import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import type { ConfigInfo } from 'dockerode';
import type { NamespaceStore } from '../functions/namespace-store.ts';
import { alreadyExists, notFound } from '../functions/namespaces.ts';
import { createEngine } from './engine.ts';
import { engineStatus, isOutOfSequence, toFaasError } from './errors.ts';
import { NAMESPACE_CONFIG_LABEL, toConfigLabels, toNamespace } from './namespace-labels.ts';

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

function toConfigName(name: string): string {
  if (NAME_PREFIX.length + name.length <= LONGEST) return NAME_PREFIX + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${NAME_PREFIX}${name.slice(0, LONGEST - NAME_PREFIX.length - HASH_LENGTH - 1)}_${hash}`;
}
