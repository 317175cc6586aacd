import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ensureVariants, WATCHDOG_VARIANTS } from '../../scripts/platform/watchdog-variants.ts';

describe('the variants of the watchdog', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'skep-variants-'));
    mkdirSync(join(root, 'watchdog'));
    writeFileSync(join(root, 'package.json'), '{"version":"1.2.3","type":"module"}');
    writeFileSync(join(root, 'watchdog', 'main.ts'), "console.log('hi');\n");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('are for musl and for the other processor', () => {
    const targets = WATCHDOG_VARIANTS.map(({ target = '' }) => target);
    expect(targets.filter((target) => target.endsWith('-musl'))).to.have.lengthOf(1);
    expect(targets.filter((target) => !target.includes(process.arch))).to.have.lengthOf(1);
  });

  it('are not waited for where the watchdog itself is not new: what is missing is told, and how to get it', async () => {
    const { compiled, missing } = await ensureVariants(root, false);
    expect(compiled).to.deep.equal([]);
    expect(missing).to.contain('fwatchdog-musl').and.to.contain('npm run build -- --all');
  });

  it('are no failure where they cannot be compiled', async () => {
    writeFileSync(join(root, 'watchdog', 'main.ts'), 'const = 1;\n');
    const { compiled, missing } = await ensureVariants(root, true);
    expect(compiled).to.deep.equal([]);
    expect(missing).to.contain('skep/watchdog is without fwatchdog-musl and ');
  });
});
