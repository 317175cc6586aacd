import { FaasError } from '../../errors.ts';
import type { CallBook } from '../../queue/call-queue.ts';

export interface CallRoutesOptions {
  /** Undefined: no NATS is configured. */
  readonly calls?: CallBook | undefined;
  readonly defaultNamespace: string;
  /** Aborted when the gateway stops: whoever waits for a call is told how it is. */
  readonly stopping?: AbortSignal;
}

/** @throws {FaasError} `async_disabled` */
export function bookOf({ calls }: Pick<CallRoutesOptions, 'calls'>): CallBook {
  if (calls === undefined)
    throw new FaasError(
      'async_disabled',
      'asynchronous calls need NATS, and none is configured: see faas_nats_address',
    );
  return calls;
}

export function callNotFound(id: string): FaasError {
  return new FaasError(
    'call_not_found',
    `there is no call ${shown(id)}, or it ended longer ago than calls are kept`,
  );
}

/** A terminal would act on control characters. */
export function shown(id: string): string {
  return id.slice(0, 200).replace(/\p{Cc}/gu, '?');
}
