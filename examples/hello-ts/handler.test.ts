import { expect, test } from 'bun:test';
import handle from './handler.ts';
import type { FunctionContext, FunctionEvent } from './skep.ts';

const event = (body: unknown, query: FunctionEvent['query'] = {}): FunctionEvent => ({ body, query, headers: {}, method: 'POST', path: '/' });
const context = {} as FunctionContext;

test('greets whom the body names, and the query before the body', () => {
  expect(handle(event('Zoë\n'), context)).toEqual({ greeting: 'Hello, Zoë!', letters: 3 });
  expect(handle(event('Zoë', { name: 'Bob' }), context)).toEqual({ greeting: 'Hello, Bob!', letters: 3 });
});

test('greets the world when nobody is named', () => {
  expect(handle(event(''), context)).toEqual({ greeting: 'Hello, world!', letters: 5 });
});
