'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const handler = require('./handler.js');

test('says hello and gives back what it received', async () => {
  const answer = await handler({ body: 'hi', headers: {}, method: 'POST', query: {}, path: '/' }, {});
  assert.deepEqual(answer, { message: 'Hello from Node.js', method: 'POST', received: 'hi' });
});
