import { failures } from './errors.ts';
import { CALL_ID, flag, listOf, object, orNull, ref, stringMap, text } from './schema.ts';
import type { Paths, Schema } from './types.ts';

export const BUILD_SCHEMAS: Readonly<Record<string, Schema>> = {
  BuildConfig: object(
    {
      image: text('Name of the image to make, without a digest.'),
      'buildArgs?': orNull(stringMap('Build arguments.')),
      'platforms?': orNull({
        ...listOf(
          { type: 'string', pattern: '^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$' },
          'At most one, such as `linux/amd64`.',
        ),
        maxItems: 1,
      }),
      'skipPush?': orNull(flag('Not pushed, though its name names a registry.')),
      'deploy?': {
        type: 'object',
        additionalProperties: true,
        description:
          'A FunctionDeployment without `image`: the function to create or update when the image is built. Ours, beyond OpenFaaS.',
      },
    },
    'The file `com.openfaas.docker.config` of a build request.',
  ),
  BuildProgress: object(
    {
      log: listOf({ type: 'string' }, 'Lines, each with its time before it.'),
      image: text('The image; empty where none was made.'),
      status: text('Where the build is.', { enum: ['in_progress', 'success', 'failed'] }),
      'error?': text('Why it failed.'),
      'duration?': { type: 'number', minimum: 0, description: 'Seconds.' },
    },
    'How a build goes or went.',
  ),
};

export const BUILD_PATHS: Paths = {
  '/system/build': {
    post: {
      operationId: 'build',
      tags: ['build'],
      summary: 'Build an image from source, and deploy it where asked to',
      description:
        'One build runs at a time. A client that goes away ends its build. A build that fails is answered with 200 and `failed`.',
      parameters: [
        {
          name: 'Accept',
          in: 'header',
          description:
            'With `application/x-ndjson` the progress comes a line at a time, otherwise at the end.',
          schema: { type: 'string' },
        },
      ],
      requestBody: {
        required: true,
        description:
          'A tar, not compressed: `com.openfaas.docker.config` (the schema BuildConfig, in JSON) and `context/…` with `context/Dockerfile`.',
        content: { 'application/x-tar': {} },
      },
      responses: {
        '200': {
          description: 'The build is over, or (ndjson, the schema being that of each line) goes on.',
          headers: CALL_ID,
          content: {
            'application/json': { schema: ref('BuildProgress') },
            'application/x-ndjson': { schema: ref('BuildProgress') },
          },
        },
        ...failures('invalid_request', 'body_too_large', 'builder_busy', 'provider_unavailable'),
      },
    },
  },
};
