import type { FunctionContext, FunctionEvent } from './skep.ts';

/** Greets whom the body or `?name=` names. */
export default function handle(event: FunctionEvent, context: FunctionContext): unknown {
  const asked = event.query['name'] ?? event.body;
  if (typeof asked !== 'string') return context.status(400).fail('Say one name, as text or as ?name=…\n');
  const name = asked.trim() || 'world';
  return { greeting: `Hello, ${name}!`, letters: [...name].length };
}
