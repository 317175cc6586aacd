import type { ParsedUrlQuery } from 'node:querystring';
import { ContractError } from '../../contract/contract-error.ts';
import type { FunctionUsage } from '../../contract/function-types.ts';
import type { Logger } from '../log.ts';
import type { UsageReadings, UsageSelection } from '../metrics/function-usage.ts';
import type { RequestState } from './state.ts';

export interface ReadUsageOptions {
  readonly usage: UsageReadings;
  readonly logger: Logger;
}

/** `?usage=1`; of several the last. @throws {ContractError} for what is neither yes nor no */
export function wantsUsage(query: ParsedUrlQuery): boolean {
  const value = query['usage'];
  const text = Array.isArray(value) ? value.at(-1) : value;
  if (text === undefined || text === '' || text === '0' || text === 'false') return false;
  if (text === '1' || text === 'true') return true;
  throw new ContractError('usage: expected 1 or 0');
}

/** What functions use. Without Prometheus there is nothing to tell, and the functions are told without. */
export async function readUsage(
  { usage, logger }: ReadUsageOptions,
  selection: UsageSelection,
  { callId, signal }: RequestState,
): Promise<ReadonlyMap<string, FunctionUsage>> {
  try {
    return await usage.read(selection, signal);
  } catch (error) {
    logger.warn('answering without usage: Prometheus can not be read', {
      callId,
      reason: (error as Error).message,
    });
    return new Map();
  }
}
