import { openFailures } from './errors.ts';
import { FUNCTION_PATH_NAME } from './parameters.ts';
import type { Method, Operation, Parameter, PathItem, Paths } from './types.ts';

const METHODS: readonly Method[] = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];

/** What stands behind the function's name. */
export const REST: Parameter = {
  name: 'path',
  in: 'path',
  required: true,
  description: 'What the function sees as its path; it may have slashes, and is passed on as it was written.',
  schema: { type: 'string' },
};

export const CALL_ID: Parameter = {
  name: 'X-Call-Id',
  in: 'header',
  description: 'Id of the call; without it the gateway makes one.',
  schema: { type: 'string' },
};

/** Every method is passed on, those that OpenAPI has no place for as well. */
function call(operationPrefix: string, parameters: readonly Parameter[]): PathItem {
  const operation = (method: Method): Operation => ({
    operationId: operationPrefix + method.charAt(0).toUpperCase() + method.slice(1),
    tags: ['invocation'],
    summary: `Call a function with ${method.toUpperCase()}`,
    security: [],
    parameters,
    ...(method !== 'get' &&
      method !== 'head' && {
        requestBody: {
          required: false,
          description: 'Any body, passed on as it comes.',
          content: { '*/*': {} },
        },
      }),
    responses: {
      default: {
        description:
          "The function's own answer, streamed as it comes, with whatever status and headers it has. An answer with `X-Skep-Error` is the gateway's.",
        headers: {
          'X-Call-Id': { $ref: '#/components/headers/CallId' },
          'X-Start-Time': {
            description: 'When the call began, in nanoseconds since 1970.',
            schema: { type: 'string', pattern: '^\\d+$' },
          },
          'X-Served-By': {
            description: 'The gateway and its version.',
            schema: { type: 'string' },
          },
        },
        content: { '*/*': {} },
      },
      ...openFailures(
        'invalid_request',
        'function_not_found',
        'too_many_inflight',
        'function_rate_limited',
        'function_concurrency_limited',
        'replicas_busy',
        'internal_error',
        'upstream_unreachable',
        'upstream_broken',
        'provider_unavailable',
        'no_replica',
        'cold_start_timeout',
        'waiting_room_full',
        'upstream_timeout',
      ),
    },
  });
  return Object.fromEntries(METHODS.map((method) => [method, operation(method)]));
}

export const INVOCATION_PATHS: Paths = {
  '/function/{name}': call('callFunction', [FUNCTION_PATH_NAME, CALL_ID]),
  '/function/{name}/{path}': call('callFunctionAt', [FUNCTION_PATH_NAME, REST, CALL_ID]),
};
