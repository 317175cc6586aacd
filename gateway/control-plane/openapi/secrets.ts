import { failures } from './errors.ts';
import { NAMESPACE_QUERY } from './parameters.ts';
import { answer, empty, FUNCTION_NAME, jsonBody, listOf, object, ref, text } from './schema.ts';
import type { Paths, Schema } from './types.ts';

const NAME: Schema = {
  type: 'string',
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  maxLength: 253,
  description: 'Name of the secret: a DNS subdomain.',
};

export const SECRET_SCHEMAS: Readonly<Record<string, Schema>> = {
  Secret: object(
    { name: NAME, namespace: FUNCTION_NAME },
    'A secret as it is told of: never with its value.',
  ),
  SecretName: object({ name: NAME, 'namespace?': text('Its namespace.') }),
  SecretRequest: object(
    {
      name: NAME,
      'namespace?': text('Its namespace.'),
      'value?': text('The value as text.'),
      'rawValue?': text('The value in base64; comes before `value`.', { contentEncoding: 'base64' }),
    },
    'A secret with its value, 1 to 511999 bytes, as `value` or as `rawValue`.',
  ),
};

const EXAMPLE = { name: 'bucket-key', namespace: 'media', value: 'a value of no importance' };

export const SECRET_PATHS: Paths = {
  '/system/secrets': {
    get: {
      operationId: 'listSecrets',
      tags: ['secrets'],
      summary: 'The secrets of one namespace, without their values',
      parameters: [NAMESPACE_QUERY],
      responses: {
        '200': answer('The secrets.', listOf(ref('Secret'))),
        ...failures('invalid_request', 'provider_unavailable'),
      },
    },
    post: {
      operationId: 'createSecret',
      tags: ['secrets'],
      summary: 'Create a secret',
      parameters: [NAMESPACE_QUERY],
      requestBody: jsonBody(ref('SecretRequest'), EXAMPLE),
      responses: {
        '201': empty('It was created.'),
        ...failures('invalid_request', 'secret_exists', 'body_too_large', 'provider_unavailable'),
      },
    },
    put: {
      operationId: 'updateSecret',
      tags: ['secrets'],
      summary: 'Give a secret a new value',
      description: 'Functions that run keep the value they have until their next deployment.',
      parameters: [NAMESPACE_QUERY],
      requestBody: jsonBody(ref('SecretRequest'), { name: 'bucket-key', rawValue: 'bmV3IHZhbHVl' }),
      responses: {
        '200': empty('It has the new value.'),
        ...failures('invalid_request', 'secret_not_found', 'body_too_large', 'provider_unavailable'),
      },
    },
    delete: {
      operationId: 'deleteSecret',
      tags: ['secrets'],
      summary: 'Delete a secret that no function uses',
      parameters: [NAMESPACE_QUERY],
      requestBody: jsonBody(ref('SecretName'), { name: 'bucket-key', namespace: 'media' }),
      responses: {
        '202': empty('It was deleted.'),
        ...failures(
          'invalid_request',
          'secret_not_found',
          'secret_in_use',
          'body_too_large',
          'provider_unavailable',
        ),
      },
    },
  },
};
