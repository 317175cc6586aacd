'use strict';
const assert = require('node:assert/strict');
const { once } = require('node:events');
const test = require('node:test');
const app = require('./handler.js');

test('says hello and gives back what it received', async () => {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const response = await fetch(url, { method: 'POST', body: 'hi', headers: { 'Content-Type': 'text/plain', Connection: 'close' } });
  server.close();
  assert.deepEqual(await response.json(), { message: 'Hello from Express', method: 'POST', received: 'hi' });
});
