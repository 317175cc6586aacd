import type { FunctionContext, FunctionEvent } from './skep.ts';

/** Greets whom the body or `?name=` names. */
export default function handle(event: FunctionEvent, context: FunctionContext): unknown {
  const asked = event.query['name'] ?? nameIn(event.body);
  if (typeof asked !== 'string') return context.status(400).fail('Say one name, as text, as name=… or as ?name=…\n');
  const name = asked.trim() || 'world';
  return { greeting: `Hello, ${name}!`, letters: [...name].length };
}

/** Text as it is; the `name` of a form or of JSON; and what `curl -d you` sends: a form of one key without a value. */
function nameIn(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  if ('name' in body) return body.name;
  const [[key, value] = [], ...more] = Object.entries(body);
  return value === '' && more.length === 0 ? key : undefined;
}
