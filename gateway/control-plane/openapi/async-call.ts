import { openFailures } from './errors.ts';
import { CALL_ID, REST } from './invocation.ts';
import { FUNCTION_PATH_NAME } from './parameters.ts';
import type { Operation, Parameter, Paths } from './types.ts';

function header(name: string, description: string): Parameter {
  return { name, in: 'header', description, schema: { type: 'string' } };
}

const WISHES: readonly Parameter[] = [
  CALL_ID,
  header('X-Callback-Url', 'Where the answer is posted to when the call has ended.'),
  header(
    'Idempotency-Key',
    'The same key, for the same function and within its window, stands for one call: it runs once, and all are told its id. Not together with `X-Call-Id`.',
  ),
  header('X-Skep-Delay', 'How long to wait before the call is run: `30s`, `1h30m`, or seconds.'),
  header('X-Skep-Run-At', 'When to run the call: `2027-01-31T08:00:00Z`. Not together with `X-Skep-Delay`.'),
  header(
    'X-Skep-Then',
    'Functions, separated by commas, that are each called with the result of the one before; empty: none, whatever the annotation `com.skep.then` says.',
  ),
];

function accept(operationId: string, parameters: readonly Parameter[]): Operation {
  return {
    operationId,
    tags: ['invocation'],
    summary: 'Have a function called later, and surely',
    security: [],
    parameters,
    requestBody: {
      required: false,
      description: 'Any body, up to `async_body_limit`.',
      content: { '*/*': {} },
    },
    responses: {
      202: {
        description: 'The queue has the call. The body is empty.',
        headers: {
          'X-Call-Id': {
            description: 'The id of the call: `/system/calls/ID` tells of it.',
            required: true,
            schema: { type: 'string' },
          },
          'X-Start-Time': {
            description: 'When the call came, in nanoseconds since 1970.',
            schema: { type: 'string', pattern: '^\\d+$' },
          },
          'X-Served-By': { description: 'The gateway and its version.', schema: { type: 'string' } },
          'Idempotent-Replayed': {
            description: 'There since the call was accepted before, by the same `Idempotency-Key`.',
            schema: { type: 'string', const: 'true' },
          },
        },
      },
      ...openFailures(
        'invalid_request',
        'function_not_found',
        'async_disabled',
        'body_too_large',
        'internal_error',
        'provider_unavailable',
        'queue_unavailable',
        'queue_full',
        'queue_not_served',
      ),
    },
  };
}

/** What the data plane takes; what the control plane has at the first of these paths is not here. */
export const ASYNC_CALL_PATHS: Paths = {
  '/async-function/{name}': { post: accept('acceptCall', [FUNCTION_PATH_NAME, ...WISHES]) },
  '/async-function/{name}/{path}': {
    post: accept('acceptCallAt', [FUNCTION_PATH_NAME, REST, ...WISHES]),
  },
};
