import { FUNCTION_NAME } from './schema.ts';
import type { Parameter } from './types.ts';

/** `{name}` of a function's path: its namespace may follow after a dot. */
export const FUNCTION_PATH_NAME: Parameter = {
  name: 'name',
  in: 'path',
  required: true,
  description: 'The function as `NAME` or `NAME.NAMESPACE`, split at the last dot.',
  schema: { type: 'string', minLength: 1, maxLength: 127 },
};

export const NAMESPACE_QUERY: Parameter = {
  name: 'namespace',
  in: 'query',
  description:
    'The namespace, where the name does not say it already; without any the default one. Two that differ are refused.',
  schema: FUNCTION_NAME,
};

export const USAGE_QUERY: Parameter = {
  name: 'usage',
  in: 'query',
  description: 'With `1` or `true`, `usage` is added to what has been measured.',
  schema: { type: 'string', enum: ['0', '1', 'true', 'false'] },
};
