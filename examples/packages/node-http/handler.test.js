const assert = require('node:assert/strict');
const { once } = require('node:events');
const test = require('node:test');
const app = require('./handler.js');

test('uses the package', async () => {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${server.address().port}`, { headers: { Connection: 'close' } });
  server.close();
  assert.equal(await response.text(), 'two days are 172800000 ms\n');
});
