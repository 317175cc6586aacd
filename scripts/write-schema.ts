// `npm run schema`: writes docs/stack.schema.json, which editors may hold a stack file to.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_FILE_SCHEMA } from '../contract/stack-file-schema.ts';

/** The file's text; a test holds the file to it. */
export function schemaText(): string {
  return `${JSON.stringify(STACK_FILE_SCHEMA, undefined, 2)}\n`;
}

export const SCHEMA_FILE = join(import.meta.dirname, '..', 'docs', 'stack.schema.json');

if (import.meta.main) writeFileSync(SCHEMA_FILE, schemaText());
