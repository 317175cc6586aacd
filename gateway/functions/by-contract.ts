import { ContractError } from '../../contract/contract-error.ts';
import { FaasError } from '../errors.ts';

/** Runs one of the contract's parsers. @throws {FaasError} `invalid_request` in its words */
export function byContract<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ContractError) {
      throw new FaasError('invalid_request', error.message, { cause: error });
    }
    throw error;
  }
}
