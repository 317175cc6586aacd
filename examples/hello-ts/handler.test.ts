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

test('takes what curl -d sends: a bare name, or a form', () => {
  expect(handle(event({ 'Zoë ': '' }), context)).toEqual({ greeting: 'Hello, Zoë!', letters: 3 });
  expect(handle(event({ name: 'Zoë', other: '1' }), context)).toEqual({ greeting: 'Hello, Zoë!', letters: 3 });
});

test('asks for one name when it is given none, or several', () => {
  for (const body of [{ name: ['Zoë', 'Bob'] }, { Zoë: '', Bob: '' }, { age: '7' }, Buffer.from('Zoë'), ['Zoë']]) {
    let status = 0;
    const asks = { status: (code: number) => { status = code; return asks; }, fail: () => undefined } as unknown as FunctionContext;
    handle(event(body), asks);
    expect(status).toBe(400);
  }
});
