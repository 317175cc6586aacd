import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXCEPTIONS, type Exception } from './exceptions.ts';

describe('the exceptions from the contract', () => {
  it('are the ones that docs/watchdog.md lists', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/watchdog.md'), 'utf8');
    const section = text.slice(text.indexOf("## What differs from OpenFaaS's watchdogs"));
    const listed = [...section.matchAll(/^\| ([^|]+) \| (C|O|C O) \|/gm)].map(
      ([, name, of]) => `${name}: ${of}`,
    );
    const ours = Object.entries(EXCEPTIONS).map(([name, exception]) => {
      const { of: contracts }: Exception = exception;
      return `${name}: ${contracts.map((contract) => (contract === 'classic' ? 'C' : 'O')).join(' ')}`;
    });
    expect(listed).to.have.members(ours);
  });
});
