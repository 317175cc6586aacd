import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../gateway/control-plane/openapi/document.ts';
import type { Method, OpenApiDocument, Operation } from '../../gateway/control-plane/openapi/types.ts';

export interface DocumentedOperation {
  /** As the router writes them: `GET`. */
  readonly method: string;
  /** As the document writes it: `/system/function/{name}`. */
  readonly path: string;
  readonly operation: Operation;
}

/** Reads our OpenAPI document as a client would, and judges answers and bodies by it. */
export class OpenApiJudge {
  readonly document: OpenApiDocument = openApiDocument({ release: '0.1.0', sha: 'abc' });
  readonly operations: readonly DocumentedOperation[] = Object.entries(this.document.paths).flatMap(
    ([path, item]) =>
      (Object.entries(item) as [Method, Operation][]).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
      })),
  );
  readonly #requests = compiler(this.document);
  /** What an answer holds and the document does not name is a lack of the document. */
  readonly #answers = compiler(closed(this.document));

  find(method: string, path: string): Operation {
    const found = this.operations.find((each) => each.method === method && matches(each.path, path));
    if (found === undefined) throw new Error(`${method} ${path} is not in the document`);
    return found.operation;
  }

  /** Throws unless this answer is one that the document tells of. Returns its body. */
  async check(method: string, path: string, response: Response): Promise<string> {
    const what = `${method} ${path} ${response.status}`;
    const operation = this.find(method, path);
    const told = operation.responses[String(response.status)];
    const body = await response.text();
    if (told === undefined) throw new Error(`${what} is not in the document: ${body}`);
    for (const [name, header] of Object.entries(told.headers ?? {})) {
      const value = response.headers.get(name);
      if (value === null) {
        if ('required' in header && header.required === true) throw new Error(`${what}: has no ${name}`);
      } else if ('schema' in header && header.schema.type === 'string') {
        this.#judge(this.#answers.compile(header.schema as AnySchema), value, `${what}: ${name}`);
      }
    }
    const code = response.headers.get('x-skep-error');
    if (code !== null && told.headers?.['X-Skep-Error'] === undefined)
      throw new Error(`${what}: ${code} is not in the document`);
    if (told.content === undefined) {
      if (body !== '') throw new Error(`${what}: has a body, the document has none`);
      return body;
    }
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = told.content[type]?.schema;
    if (schema === undefined) throw new Error(`${what}: ${type} is not in the document`);
    const validate = this.#answers.compile(rooted(schema) as AnySchema);
    for (const value of valuesOf(type, body)) this.#judge(validate, value, what);
    return body;
  }

  /** Why `value` is none of the component's; empty when it is. */
  request(component: string, value: unknown): string {
    const validate = this.#requests.compile({ $ref: `api#/components/schemas/${component}` });
    return validate(value) ? '' : this.#requests.errorsText(validate.errors);
  }

  /** The same of the component as an answer, in which nothing may be that the document does not name. */
  answer(component: string, value: unknown): string {
    const validate = this.#answers.compile({ $ref: `api#/components/schemas/${component}` });
    return validate(value) ? '' : this.#answers.errorsText(validate.errors);
  }

  #judge(validate: ValidateFunction, value: unknown, what: string): void {
    if (!validate(value)) {
      throw new Error(`${what}: ${this.#answers.errorsText(validate.errors)}: ${JSON.stringify(value)}`);
    }
  }
}

function compiler(document: object): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema({ $id: 'api', ...document });
  return ajv;
}

function matches(template: string, path: string): boolean {
  const pattern = template.replaceAll(/[.]/g, '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`).test(path.split('?')[0] ?? '');
}

/** With its references resolved from the document. */
function rooted(value: unknown): unknown {
  return mapped(value, (object) =>
    typeof object['$ref'] === 'string' ? { ...object, $ref: object['$ref'].replace(/^#/, 'api#') } : object,
  );
}

/** With every object that lists its properties closed to others. */
function closed(document: OpenApiDocument): object {
  return mapped(document, (object) =>
    object['type'] === 'object' && object['properties'] !== undefined
      ? { additionalProperties: false, ...object }
      : object,
  ) as object;
}

function mapped(
  value: unknown,
  change: (object: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return change(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)])));
}

function valuesOf(type: string, body: string): unknown[] {
  if (type === 'application/json') return [JSON.parse(body)];
  if (type !== 'application/x-ndjson') return [body];
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
