import { PLATFORM } from '../../build/build-config.ts';
import { failures, openFailures } from './errors.ts';
import { answer, CALL_ID, flag, listOf, object, orNull, ref, stringMap, text } from './schema.ts';
import type { Operation, Paths, Response, Schema } from './types.ts';

export const BUILD_SCHEMAS: Readonly<Record<string, Schema>> = {
  BuildConfig: object(
    {
      image: text('Name of the image to make, without a digest.'),
      'buildArgs?': orNull(stringMap('Build arguments.')),
      'platforms?': orNull(
        listOf(
          { type: 'string', pattern: PLATFORM.source },
          'Such as `linux/amd64`. An engine makes one a build: with several the answer is `failed`.',
        ),
      ),
      'skipPush?': orNull(flag('Not pushed, though its name names a registry.')),
      'deploy?': {
        type: 'object',
        additionalProperties: true,
        description:
          'A FunctionDeployment without `image`: the function to create or update when the image is built. Ours, beyond OpenFaaS, and not for `POST /build`.',
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
      'url?': text('Where the function answers that was deployed. Ours, beyond OpenFaaS.'),
      'duration?': { type: 'number', minimum: 0, description: 'Seconds.' },
    },
    'How a build goes or went.',
  ),
  BuilderKey: object(
    {
      key_id: text('The first 8 characters of the key.'),
      algorithm: text('How secrets are sealed.', { enum: ['nacl/box'] }),
      public_key: text('32 bytes in base64.'),
    },
    'A public key of the builder.',
  ),
};

const PARAMETERS: NonNullable<Operation['parameters']> = [
  {
    name: 'Accept',
    in: 'header',
    description: 'With `application/x-ndjson` the progress comes a line at a time, otherwise at the end.',
    schema: { type: 'string' },
  },
];

const REQUEST_BODY: NonNullable<Operation['requestBody']> = {
  required: true,
  description:
    'A tar, plain or with gzip: `com.openfaas.docker.config` (the schema BuildConfig, in JSON), `context/…` with `context/Dockerfile`, and perhaps `com.openfaas.secrets`.',
  content: { 'application/x-tar': {}, 'application/octet-stream': {} },
};

const PROGRESS: Response = {
  description: 'The build is over, or (ndjson, the schema being that of each line) goes on.',
  headers: CALL_ID,
  content: {
    'application/json': { schema: ref('BuildProgress') },
    'application/x-ndjson': { schema: ref('BuildProgress') },
  },
};

const FAILURES = [
  'invalid_request',
  'body_too_large',
  'builder_busy',
  'provider_unavailable',
  'shutting_down',
] as const;
const RULES =
  'A few builds run at a time. A client that goes away ends its build. A build that fails is answered with 200 and `failed`.';

export const BUILD_PATHS: Paths = {
  '/system/build': {
    post: {
      operationId: 'build',
      tags: ['build'],
      summary: 'Build an image from source, and deploy it where asked to',
      description: RULES,
      parameters: PARAMETERS,
      requestBody: REQUEST_BODY,
      responses: { '200': PROGRESS, ...failures(...FAILURES) },
    },
  },
  '/build': {
    post: {
      operationId: 'buildSigned',
      tags: ['build'],
      summary: 'The same, for whoever has the payload secret',
      description: `${RULES} Nothing is read of a request whose signature is wrong.`,
      security: [{ signature: [] }],
      parameters: PARAMETERS,
      requestBody: REQUEST_BODY,
      responses: {
        '200': PROGRESS,
        ...openFailures('invalid_signature', 'builder_disabled', 'internal_error', ...FAILURES),
      },
    },
  },
  '/publickey': {
    get: {
      operationId: 'readBuilderKey',
      tags: ['build'],
      summary: 'The key that build secrets are sealed for',
      security: [],
      responses: {
        '200': answer('A NaCl box key.', ref('BuilderKey')),
        ...openFailures('builder_disabled'),
      },
    },
  },
};
