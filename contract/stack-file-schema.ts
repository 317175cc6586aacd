import type { JsonSchema } from './json-schema.ts';
import { KNOWN_ANNOTATIONS, KNOWN_LABELS } from './known-labels.ts';
import {
  CONFIGURATION_KEYS,
  EXTENSIONS,
  FUNCTION_KEYS,
  literal,
  MAP,
  PROVIDER_KEYS,
  RETIRED_KEYS,
  TOP_KEYS,
  VARIABLE,
} from './stack-file-keys.ts';

/** The same keys and others, and help with those that are known. */
function knowing(map: JsonSchema | undefined, known: Readonly<Record<string, string>>): JsonSchema {
  const properties = Object.entries(known).map(([key, what]) => [key, literal(what)]);
  return { ...map, properties: Object.fromEntries(properties) };
}

const FUNCTION: JsonSchema = {
  ...MAP,
  ...EXTENSIONS,
  properties: {
    ...FUNCTION_KEYS,
    labels: knowing(FUNCTION_KEYS['labels'], KNOWN_LABELS),
    annotations: knowing(FUNCTION_KEYS['annotations'], KNOWN_ANNOTATIONS),
    ...RETIRED_KEYS,
  },
};

/**
 * What an editor, or anybody else, may hold a stack file to before its variables are replaced. `skep validate` says more:
 * what the schema refuses is refused or warned of there, too.
 */
export const STACK_FILE_SCHEMA: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Stack file',
  description: 'Functions for Skep, or another gateway that speaks the contract of OpenFaaS.',
  ...EXTENSIONS,
  type: 'object',
  properties: {
    ...TOP_KEYS,
    provider: {
      ...TOP_KEYS['provider'],
      ...EXTENSIONS,
      properties: PROVIDER_KEYS,
      required: ['name'],
    },
    configuration: {
      ...TOP_KEYS['configuration'],
      ...EXTENSIONS,
      properties: CONFIGURATION_KEYS,
    },
    functions: {
      ...TOP_KEYS['functions'],
      propertyNames: {
        anyOf: [
          { pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 },
          { enum: ['<<'] },
          { pattern: VARIABLE },
        ],
      },
      additionalProperties: FUNCTION,
    },
  },
  required: ['provider'],
};
