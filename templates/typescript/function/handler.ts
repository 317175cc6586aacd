import type { FunctionContext, FunctionEvent } from './skep.ts';

/** The answer is what is returned: text, bytes, or an object or list, which is sent as JSON. */
export default async function handle(event: FunctionEvent, _context: FunctionContext): Promise<unknown> {
  return { message: 'Hello from TypeScript', method: event.method, received: event.body };
}
