import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { BASE_IMAGES } from '../../scripts/base-images/catalog.ts';
import { chooseImages, imagesByTemplate } from '../../scripts/base-images/choose-images.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('npm run base-images', () => {
  const chosen = (...names: readonly string[]): string[] => chooseImages(names).map(({ name }) => name);

  it('knows what every template is built on', () => {
    const templates = imagesByTemplate();
    expect([...templates.keys()]).to.deep.equal(readdirSync(join(ROOT, 'templates')).sort());
    expect(templates.get('go')).to.have.members(['debian:bookworm-slim', 'golang:1.23-bookworm']);
    expect(templates.get('php')).to.have.members(['composer:2', 'php:8.2-cli-bookworm']);
    expect(templates.get('dockerfile')).to.deep.equal(['debian:bookworm-slim']);
  });

  it('takes templates and images, with and without a tag, Debian first', () => {
    expect(chosen('go', 'ruby:3.1-slim-bookworm')).to.deep.equal([
      'debian:bookworm-slim',
      'golang:1.23-bookworm',
      'ruby:3.1-slim-bookworm',
    ]);
    expect(chosen('golang')).to.deep.equal(chosen('go'));
    expect(chooseImages([])).to.equal(BASE_IMAGES);
  });

  it('says what there is for a name that is none, and what may have been meant', () => {
    expect(() => chosen('go', 'pyhton')).to.throw(/^pyhton is no base image.*\(did you mean python\?\)$/);
    expect(() => chosen('golang:1.99')).to.throw('did you mean golang:1.23-bookworm?');
    expect(() => chosen('zig')).to.throw(/no template$/);
  });

  it('refuses a flag that it does not know, and explains itself', () => {
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [join(ROOT, 'scripts/base-images/main.ts'), ...args], { encoding: 'utf8' });
    expect(run('--help').stdout).to.contain('npm run base-images -- go rust');
    const wrong = run('--lst', 'go');
    expect(wrong.status).to.equal(1);
    expect(wrong.stderr).to.contain('there is no flag --lst').and.to.contain('--list');
  });
});
