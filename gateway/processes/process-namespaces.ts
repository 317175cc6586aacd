import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionNamespace } from '../../contract/parse-namespace.ts';
import { FaasError } from '../errors.ts';
import { checkLabels } from '../functions/labels.ts';
import type { NamespaceStore } from '../functions/namespace-store.ts';
import { alreadyExists, notFound } from '../functions/namespaces.ts';
import { oneAtATime } from '../functions/one-at-a-time.ts';
import { codeOf, onDisk, writeWhole } from './files.ts';

/** Namespaces in one file, `namespaces.json` of the folder. */
export function createProcessNamespaces(folder: string): NamespaceStore {
  const path = join(folder, 'namespaces.json');
  const inTurn = oneAtATime();

  const read = async (): Promise<FunctionNamespace[]> => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return '[]';
      throw new FaasError('provider_unavailable', (error as Error).message, { cause: error });
    });
    return parse(text, path);
  };
  const change = (toNext: (made: readonly FunctionNamespace[]) => readonly FunctionNamespace[]) =>
    inTurn(path, async () => {
      const next = toNext(await read());
      await onDisk(() => writeWhole(path, `${JSON.stringify(next, undefined, 2)}\n`));
    });

  return {
    list: async () => (await read()).toSorted((left, right) => (left.name < right.name ? -1 : 1)),

    create: async (namespace) => {
      checkLabels(namespace); // What Swarm would refuse is refused here.
      await change((made) => {
        if (made.some(({ name }) => name === namespace.name)) throw alreadyExists(namespace.name);
        return [...made, namespace];
      });
    },

    update: async (namespace) => {
      checkLabels(namespace);
      await change((made) => {
        if (!made.some(({ name }) => name === namespace.name)) throw notFound(namespace.name);
        return made.map((one) => (one.name === namespace.name ? namespace : one));
      });
    },

    remove: (name) =>
      change((made) => {
        if (!made.some((one) => one.name === name)) throw notFound(name);
        return made.filter((one) => one.name !== name);
      }),
  };
}

function parse(text: string, path: string): FunctionNamespace[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(isNamespace)) return value;
  } catch {
    // Told below.
  }
  throw new FaasError(
    'provider_unavailable',
    `${path} does not hold a list of namespaces: mend it, or remove it and make them again`,
  );
}

function isNamespace(value: unknown): value is FunctionNamespace {
  if (typeof value !== 'object' || value === null) return false;
  const { name, labels, annotations } = value as Record<string, unknown>;
  return typeof name === 'string' && isTextMap(labels) && isTextMap(annotations);
}

function isTextMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string')
  );
}
