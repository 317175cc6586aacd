import type { MediaType, Response, Schema } from './types.ts';

/** The shared schema of this name in `components`. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object whose listed properties are required; a `?` after a name makes it optional. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  const required = Object.keys(properties).filter((name) => !name.endsWith('?'));
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema]),
    ),
  };
}

export function text(description: string, more: Omit<Schema, 'type' | 'description'> = {}): Schema {
  return { type: 'string', description, ...more };
}

export function flag(description: string): Schema {
  return { type: 'boolean', description };
}

export function listOf(items: Schema, description?: string): Schema {
  return { type: 'array', items, ...(description !== undefined && { description }) };
}

/** String to string. */
export function stringMap(description: string): Schema {
  return { type: 'object', additionalProperties: { type: 'string' }, description };
}

/** The same, or null, which counts as absent: so Go clients write what is not set. */
export function orNull(schema: Schema): Schema {
  const { type } = schema;
  if (typeof type !== 'string') throw new Error('only a schema of one type may be null, too');
  return { ...schema, type: [type, 'null'] };
}

export function json(schema: Schema, example?: unknown): Readonly<Record<string, MediaType>> {
  return { 'application/json': { schema, ...(example !== undefined && { example }) } };
}

/** A body of JSON that must be there. */
export function jsonBody(schema: Schema, example: unknown) {
  return { required: true, content: json(schema, example) } as const;
}

/** An answer in JSON. */
export function answer(description: string, schema: Schema): Response {
  return { description, headers: CALL_ID, content: json(schema) };
}

/** An answer that has said all with its status. */
export function empty(description: string): Response {
  return { description, headers: CALL_ID };
}

/** Header of every answer of the gateway's own. */
export const CALL_ID = { 'X-Call-Id': { $ref: '#/components/headers/CallId' } } as const;

export const FUNCTION_NAME: Schema = {
  type: 'string',
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
  minLength: 1,
  maxLength: 63,
};
