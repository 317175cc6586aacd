import assert from 'node:assert/strict';
import test from 'node:test';
import handle from './handler.js';

function call(body) {
  const seen = { status: 200, headers: {} };
  const context = {
    status(code) { seen.status = code; return context; },
    headers(map) { Object.assign(seen.headers, map); return context; },
  };
  return { answer: handle({ body }, context), seen };
}

test('turns Markdown into HTML', () => {
  const { answer, seen } = call('# Title\n\n| a | b |\n|---|---|\n| 1 | *2* |\n');
  assert.match(answer, /<h1>Title<\/h1>/);
  assert.match(answer, /<td><em>2<\/em><\/td>/);
  assert.equal(seen.headers['Content-Type'], 'text/html; charset=utf-8');
});

test('asks for Markdown where there is none', () => {
  for (const body of ['', '  \n', { a: 1 }]) assert.equal(call(body).seen.status, 400);
});
