import { type FunctionRef, isFunctionName, qualifiedName } from '../../contract/function-ref.ts';
import { FaasError } from '../errors.ts';
import { FUNCTION_LABEL } from '../functions/labels.ts';
import type { Engine } from './engine.ts';
import { engineStatus } from './errors.ts';
import { type ListedService, onePerFunction, toFunctionRef } from './read-back.ts';
import { toServiceName } from './service-name.ts';

/**
 * The service of a function: the one of its name, or one that somebody made under another (a stack's are `STACK_NAME`)
 * and labelled.
 * @throws {FaasError} `function_not_found`, or `invalid_request` when another thing has the name that its service would have
 */
export async function findService(
  engine: Engine,
  ref: FunctionRef,
  defaultNamespace: string,
): Promise<ListedService> {
  if (!isFunctionName(ref.name) || !isFunctionName(ref.namespace)) throw notFound(ref);
  const isIts = (service: ListedService): boolean => {
    const owner = toFunctionRef(service, defaultNamespace);
    return owner !== undefined && qualifiedName(owner) === qualifiedName(ref);
  };
  const name = toServiceName(ref, defaultNamespace);
  const named = await inspectByName(engine, name);
  if (named !== undefined && isIts(named)) return named;
  const filters = { label: [`${FUNCTION_LABEL}=${ref.name}`] };
  const labelled: ListedService[] = await engine.ask('list services', (docker, abortSignal) =>
    docker.listServices({ filters, abortSignal }),
  );
  const [service] = onePerFunction(labelled.filter(isIts), defaultNamespace);
  if (service !== undefined) return service;
  if (named === undefined || toFunctionRef(named, defaultNamespace) !== undefined) throw notFound(ref);
  throw new FaasError('invalid_request', `Not a function: ${name} is a Swarm service of somebody else's`);
}

export function notFound(ref: FunctionRef, cause?: unknown): FaasError {
  return new FaasError('function_not_found', `function ${qualifiedName(ref)} not found`, { cause });
}

/** The service of exactly this name: the engine also answers to ids, and to beginnings of ids. */
function inspectByName(engine: Engine, name: string): Promise<ListedService | undefined> {
  return engine.ask('inspect service', async (docker, abortSignal) => {
    try {
      const service: ListedService = await docker.getService(name).inspect({ abortSignal });
      return service.Spec?.Name === name ? service : undefined;
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw error;
    }
  });
}
