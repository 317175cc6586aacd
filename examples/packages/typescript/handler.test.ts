import { expect, test } from 'bun:test';
import handle from './handler.ts';

test('counts with a package of the lock file', async () => {
  expect(await handle()).toEqual({ message: 'two days are 172800000 ms' });
});
