import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ERROR_CODES, FaasError } from '../../../gateway/errors.ts';

describe('docs/errors.md', () => {
  it('lists exactly the codes there are, each with its status', () => {
    const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(
      ([, code, status]) => `${code} ${status}`,
    );
    const table = ERROR_CODES.map((code) => `${code} ${new FaasError(code, '').status}`);
    expect(rows.sort()).to.deep.equal(table.sort());
  });
});
