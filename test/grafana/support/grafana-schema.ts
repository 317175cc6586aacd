import { join } from 'node:path';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { Ajv, type ErrorObject } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/**
 * A check of dashboards against the types that Grafana publishes of the release that is deployed (`@grafana/schema`): fields that it does
 * not know, values of the wrong type, and settings that its panels have not. It has units as any text: those are checked against
 * the list of Grafana's own builder.
 * @returns the first few problems, with their places
 */
export function grafanaSchema(): (dashboard: unknown) => readonly string[] {
  const schema = createGenerator({
    path: join(ROOT, 'grafana', 'source', 'dashboard-types.ts'),
    tsconfig: join(ROOT, 'tsconfig.json'),
    type: 'Dashboard',
    expose: 'none',
    topRef: false,
    skipTypeCheck: true,
  }).createSchema('Dashboard');
  restrictUnits(schema);
  // Panels are told apart by their type, so that an error is told of that kind alone.
  const ajv = new Ajv({ strict: false, allErrors: false, discriminator: true });
  const panels = schema.properties?.['panels'] as { items: { anyOf?: unknown; oneOf?: unknown } & object };
  panels.items = {
    ...{ type: 'object', required: ['type'], discriminator: { propertyName: 'type' } },
    oneOf: panels.items.anyOf,
  };
  const validate = ajv.compile(schema as object);
  return (dashboard) => (validate(dashboard) ? [] : (validate.errors ?? []).map(toText));
}

function toText({ instancePath, message = '', params }: ErrorObject): string {
  return `${instancePath}: ${message} ${JSON.stringify(params)}`;
}

function restrictUnits(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if ('properties' in node) {
    const { unit } = node.properties as { unit?: { type: string; enum?: string[] } };
    if (unit?.type === 'string') unit.enum = [...new Set(Object.values(units))];
  }
  for (const child of Object.values(node)) restrictUnits(child);
}
