import { ERROR_CODES, FaasError, type FaasErrorCode } from '../../errors.ts';
import { CALL_ID } from './schema.ts';
import type { Response } from './types.ts';

/** When each code is answered: the words of docs/errors.md, to which a test holds them. */
export const MEANINGS: Readonly<Record<FaasErrorCode, string>> = Object.freeze({
  invalid_request: 'the request breaks the contract: the text names the field',
  invalid_credentials: '`/system` and `/ui` ask for basic auth, and the credentials are missing or wrong',
  invalid_signature:
    '`POST /build`: `X-Build-Signature` is missing, or is not the HMAC-SHA256 of the body with the payload secret',
  cross_site_request:
    'a web page of another site asks for a change, with the password that the browser keeps',
  host_not_allowed:
    '`skep dev` answers those who call this machine by a name of its own: `127.0.0.1`, `localhost`, `[::1]`',
  function_not_found: 'no such function is deployed in that namespace',
  secret_not_found: 'no such secret in that namespace',
  namespace_not_found: 'nobody made this namespace, and no function lives in it',
  route_not_found: 'the gateway has nothing at this path',
  async_disabled: 'no NATS is configured: `faas_nats_address` names it',
  builder_disabled:
    '`POST /build` or `GET /publickey`, and the gateway has not the secret for it: `payload-secret`, `builder-key`',
  call_not_found: 'no call of that id, or it ended longer ago than results are kept',
  result_not_found: 'the call ended without an answer, or it is not kept any more',
  method_not_allowed: 'the path exists and answers other verbs: see `Allow`',
  function_exists: 'POST for a function that is deployed already: update it with PUT',
  secret_exists: 'POST for a secret that there is already: update it with PUT',
  secret_in_use: 'functions mount the secret: the text names them',
  namespace_exists: 'POST for a namespace that there is already: change it with PUT',
  namespace_not_empty:
    'functions or secrets are in the namespace: the text names them and the option to delete all',
  call_ended: 'the call has ended already: there is nothing to cancel',
  call_not_ended: 'the call still waits or runs: ask again, or with `wait`',
  body_too_large:
    'a JSON body over 1 MiB (4 MiB with a secret), a build over its limit, or an asynchronous call over `async_body_limit`',
  invalid_log_request:
    '`/system/logs` with a `name`, `tail`, `since` or `follow` that can not be read: the text says which',
  builder_busy: 'as many builds run, or requests of builds come in, as may at a time: see `Retry-After`',
  too_many_log_readers: '100 clients read logs already: end some of them',
  too_many_inflight: 'the gateway has as many calls in flight as `max_inflight` allows',
  function_rate_limited:
    'the function has had as many calls as its label `com.skep.limit.rate` allows: `Retry-After` says when the next may come',
  function_concurrency_limited:
    'the function has as many calls in flight as its label `com.skep.limit.concurrency` allows',
  replicas_busy: 'every replica of the function has as many calls in flight as its `max_inflight` allows',
  internal_error: 'something nobody expected: the log has it under the call id in the text',
  alert_failed:
    'some alerts could not be applied, one line for each of the first 20: Alertmanager sends them again',
  upstream_unreachable: 'no replica of the function could be reached; nothing was delivered',
  upstream_broken: 'the function broke off, and may have done its work',
  provider_unavailable: 'the cluster does not answer, or not in time',
  shutting_down: 'the gateway stops: `/healthz` says so, and a build that would not end in time',
  no_replica: 'the function has no replica, and none is started for a call',
  cold_start_timeout: "no replica became available in time: the text has the task's own error",
  waiting_room_full: 'too many calls wait for first replicas already',
  queue_unavailable: 'NATS cannot be reached or does not store: nothing was accepted; see `Retry-After`',
  queue_full: 'the queue holds as much as it may: nothing was accepted; see `Retry-After`',
  queue_not_served: 'no worker has ever served the queue that `com.openfaas.queue` names',
  upstream_timeout:
    "the call took longer than it may: the text names the limit (the gateway's `upstream_timeout`, the function's annotation or its environment)",
});

/** Answered with `Retry-After`. */
const TELL_WHEN: readonly FaasErrorCode[] = ['builder_busy', 'queue_unavailable', 'queue_full'];

/** Any request under `/system` may end in one of these. */
const OF_EVERY_REQUEST = [
  'invalid_credentials',
  'cross_site_request',
  'host_not_allowed',
  'internal_error',
] as const;

/** The failures of an operation behind basic auth, beside those that all of them have. */
export function failures(...codes: readonly FaasErrorCode[]): Readonly<Record<string, Response>> {
  return openFailures(...codes, ...OF_EVERY_REQUEST);
}

/** The failures of an operation that is open to everybody: one response for each status. */
export function openFailures(...codes: readonly FaasErrorCode[]): Readonly<Record<string, Response>> {
  const byStatus = Map.groupBy(
    ERROR_CODES.filter((code) => codes.includes(code)),
    (code) => new FaasError(code, '').status,
  );
  return Object.fromEntries([...byStatus].map(([status, group]) => [String(status), toResponse(group)]));
}

function toResponse(codes: readonly FaasErrorCode[]): Response {
  return {
    description: codes.map((code) => `\`${code}\`: ${MEANINGS[code]}.`).join('\n\n'),
    headers: {
      'X-Skep-Error': {
        description: 'The stable code of this failure.',
        required: true,
        schema: { type: 'string', enum: codes },
      },
      'X-OpenFaaS-Internal': {
        description: 'The gateway itself answered, and no function.',
        required: true,
        schema: { type: 'string', const: 'gateway' },
      },
      ...CALL_ID,
      ...(codes.includes('invalid_credentials') && {
        'WWW-Authenticate': { description: 'Asks for basic auth.', schema: { type: 'string' } },
      }),
      ...(codes.some((code) => TELL_WHEN.includes(code)) && {
        'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
      }),
    },
    content: {
      'text/plain': {
        schema: { type: 'string', description: 'One sentence (of alerts: one a line) that says what to do.' },
      },
    },
  };
}
