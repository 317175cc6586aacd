import { FaasError } from '../../errors.ts';
import { errorCodeOf } from '../jetstream-errors.ts';
import { PublishRefused } from './acked-publisher.ts';
import { queueAway } from './session.ts';

/** No room: of the stream, the account or the server. */
const NO_ROOM = new Set([10002, 10023, 10028, 10047]);
/** The stream could not store it, for the reason that its text tells. */
const STORE_FAILED = 10077;
const LATER_SECONDS = 5;
/** More than 64 KiB of headers, which neither server nor client have a setting for. */
export const HEADERS_TOO_LONG = 10097;

/** Whether it is certain that nothing was stored; otherwise nobody knows. */
export function isRefused(error: unknown): boolean {
  return (
    error instanceof PublishRefused || errorCodeOf(error) >= 10_000 || isOwn(error) || hasNoStream(error)
  );
}

/** What a caller is told when the queue did not take what it was given. */
export function queueRefusal(error: unknown): FaasError {
  if (error instanceof FaasError) return error;
  const code = errorCodeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (NO_ROOM.has(code) || (code === STORE_FAILED && /maximum/.test(reason))) {
    return new FaasError('queue_full', `the queue is full (${reason}): try again later`, {
      cause: error,
      retryAfterSeconds: LATER_SECONDS,
    });
  }
  if (isOwn(error) && /max_payload/.test(reason)) {
    return new FaasError(
      'invalid_request',
      'the call is longer than a message of NATS may be (max_payload)',
      {
        cause: error,
      },
    );
  }
  if (code === HEADERS_TOO_LONG) {
    return new FaasError('invalid_request', 'the headers are too long for a call that is to wait', {
      cause: error,
    });
  }
  return queueAway(hasNoStream(error) ? 'NATS has no such stream' : reason, error);
}

/** The client itself has refused it, and sent nothing. */
function isOwn(error: unknown): boolean {
  return nameOf(error) === 'InvalidArgumentError';
}

function hasNoStream(error: unknown): boolean {
  return nameOf(error) === 'JetStreamNotEnabled';
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
