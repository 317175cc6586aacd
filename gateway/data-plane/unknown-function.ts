import { FaasError } from '../errors.ts';
import type { FunctionLookup } from './function-table.ts';

/** Why a call of this name is not served. @param name as it was called */
export function unknownFunction(table: Pick<FunctionLookup, 'isLoaded'>, name: string): FaasError {
  if (!table.isLoaded) {
    return new FaasError('provider_unavailable', 'the cluster has not been read yet: try again');
  }
  return new FaasError('function_not_found', `error finding function ${name}: no such function is deployed`);
}
