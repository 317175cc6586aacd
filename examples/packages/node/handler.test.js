'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const handler = require('./handler.js');

test('counts with a package of the lock file', async () => {
  assert.deepEqual(await handler(), { message: 'two days are 172800000 ms' });
});
