import { failures } from './errors.ts';
import {
  answer,
  empty,
  FUNCTION_NAME,
  json,
  jsonBody,
  listOf,
  object,
  orNull,
  ref,
  stringMap,
  text,
} from './schema.ts';
import type { Parameter, Paths, Schema } from './types.ts';

export const NAMESPACE_SCHEMAS: Readonly<Record<string, Schema>> = {
  Namespace: object({
    name: FUNCTION_NAME,
    labels: stringMap('Labels as they were given.'),
    annotations: stringMap(
      'Annotations as they were given; `openfaas: "1"` is always among them or the labels.',
    ),
  }),
  NamespaceRequest: object(
    {
      'name?': text('The namespace; it may stand in the path, here, or in both.'),
      'labels?': orNull(stringMap('Labels.')),
      'annotations?': orNull(stringMap('Annotations.')),
    },
    'A namespace as it is to be. Labels and annotations have 256 KiB together at most.',
  ),
};

const NAME: Parameter = {
  name: 'name',
  in: 'path',
  required: true,
  description: 'The namespace.',
  schema: FUNCTION_NAME,
};

const EXAMPLE = { name: 'media', labels: { team: 'media' }, annotations: { owner: 'kim@example.com' } };

const CREATED = {
  '201': empty('It was made.'),
  ...failures('invalid_request', 'namespace_exists', 'body_too_large', 'provider_unavailable'),
};

export const NAMESPACE_PATHS: Paths = {
  '/system/namespaces': {
    get: {
      operationId: 'listNamespaces',
      tags: ['namespaces'],
      summary: 'Names of all namespaces: the default one, those made, and those that functions live in',
      responses: {
        '200': answer('The names, sorted.', listOf(FUNCTION_NAME)),
        ...failures('provider_unavailable'),
      },
    },
  },
  '/system/namespace/': {
    post: {
      operationId: 'createNamespace',
      tags: ['namespaces'],
      summary: 'Make a namespace that the body names',
      requestBody: jsonBody(ref('NamespaceRequest'), EXAMPLE),
      responses: CREATED,
    },
  },
  '/system/namespace/{name}': {
    get: {
      operationId: 'readNamespace',
      tags: ['namespaces'],
      summary: 'One namespace',
      parameters: [NAME],
      responses: {
        '200': answer('The namespace.', ref('Namespace')),
        ...failures('namespace_not_found', 'provider_unavailable'),
      },
    },
    post: {
      operationId: 'createNamedNamespace',
      tags: ['namespaces'],
      summary: 'Make a namespace that the path names',
      parameters: [NAME],
      requestBody: { required: false, content: json(ref('NamespaceRequest'), EXAMPLE) },
      responses: CREATED,
    },
    put: {
      operationId: 'updateNamespace',
      tags: ['namespaces'],
      summary: 'Replace the labels and annotations of a namespace',
      parameters: [NAME],
      requestBody: jsonBody(ref('NamespaceRequest'), EXAMPLE),
      responses: {
        '202': empty('Its labels and annotations are those of the body.'),
        ...failures('invalid_request', 'namespace_not_found', 'body_too_large', 'provider_unavailable'),
      },
    },
    delete: {
      operationId: 'deleteNamespace',
      tags: ['namespaces'],
      summary: 'Delete a namespace',
      description: 'Clients may send the namespace as a body once more; it is not looked at.',
      parameters: [
        NAME,
        {
          name: 'force',
          in: 'query',
          description: 'With `true`, the functions and secrets in it are deleted with it.',
          schema: { type: 'string', enum: ['true', '1', 'false', '0'], default: 'false' },
        },
      ],
      responses: {
        '202': empty('It is being deleted.'),
        ...failures(
          'invalid_request',
          'namespace_not_found',
          'namespace_not_empty',
          'secret_in_use',
          'body_too_large',
          'provider_unavailable',
        ),
      },
    },
  },
};
