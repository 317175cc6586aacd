import { failures } from './errors.ts';
import { NAMESPACE_QUERY } from './parameters.ts';
import { CALL_ID, object, ref, text } from './schema.ts';
import type { Paths, Schema } from './types.ts';

export const LOG_SCHEMAS: Readonly<Record<string, Schema>> = {
  LogLine: object(
    {
      name: text('The function.'),
      namespace: text('Its namespace.'),
      instance: text('The replica; empty: the cluster itself tells which part of the log cannot be read.'),
      timestamp: text('When it was written.', { format: 'date-time' }),
      text: text('What was written, without its line end; at most 16 KiB.'),
    },
    'One line that a replica wrote.',
  ),
};

export const LOG_PATHS: Paths = {
  '/system/logs': {
    get: {
      operationId: 'readLogs',
      tags: ['logs'],
      summary: "A function's log, from all its replicas",
      description:
        'Lines are told as they come. A log that cannot be read to its end breaks the connection off, so that no part is taken for the whole.',
      parameters: [
        {
          name: 'name',
          in: 'query',
          required: true,
          description: 'The function as `NAME` or `NAME.NAMESPACE`.',
          schema: { type: 'string', minLength: 1 },
        },
        NAMESPACE_QUERY,
        {
          name: 'tail',
          in: 'query',
          description: 'At most so many of the newest lines; 0 and less: all.',
          schema: { type: 'integer' },
        },
        {
          name: 'since',
          in: 'query',
          description: 'Nothing older than this.',
          schema: { type: 'string', format: 'date-time' },
        },
        {
          name: 'follow',
          in: 'query',
          description: 'Go on with new lines. Also `1`, `t`, `0`, `f` and other cases of these words.',
          schema: { type: 'boolean', default: false },
        },
        {
          name: 'instance',
          in: 'query',
          description: 'The lines of this replica alone.',
          schema: { type: 'string', maxLength: 200 },
        },
      ],
      responses: {
        '200': {
          description: 'JSON objects, one a line: the schema is that of each line.',
          headers: CALL_ID,
          content: { 'application/x-ndjson': { schema: ref('LogLine') } },
        },
        ...failures(
          'invalid_request',
          'function_not_found',
          'invalid_log_request',
          'too_many_log_readers',
          'provider_unavailable',
        ),
      },
    },
  },
};
