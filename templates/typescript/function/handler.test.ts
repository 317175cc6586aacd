import { expect, test } from 'bun:test';
import handle from './handler.ts';
import type { FunctionContext } from './skep.ts';

test('says hello and gives back what it received', async () => {
  const event = { body: 'hi', headers: {}, method: 'POST', query: {}, path: '/' };
  const answer = await handle(event, {} as FunctionContext);
  expect(answer).toEqual({ message: 'Hello from TypeScript', method: 'POST', received: 'hi' });
});
