import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { TEMPLATE_IMAGES } from '../../scripts/base-images/catalog.ts';
import { docker, emptyFolder, type Folder, run, skep, succeeded } from '../support/cli.ts';
import { LANGUAGES, type LanguageRow } from '../templates/languages.ts';
import { OWN_PACKAGES } from '../templates/own-packages.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');
const BASE_IMAGES = join(import.meta.dirname, '../../scripts/base-images/main.ts');

for (const row of LANGUAGES) {
  const { lang } = row;
  const name = `e2e-new-${lang}`;

  describe(`a function of the template ${lang}`, function () {
    this.timeout(600_000); // the first of a language compiles its packages
    let folder: Folder;
    let handler: string;

    before(async () => {
      const wanted = TEMPLATE_IMAGES.filter((image) => isBuiltOn(lang, image.name)).map(
        (image) => image.name,
      );
      if (wanted.length > 0) {
        const made = run(process.execPath, [BASE_IMAGES, ...wanted], { folder: '.', stdin: '' });
        succeeded('base images', await made);
      }
      folder = emptyFolder();
      succeeded('new', await skep(folder.path, ['new', name, '--lang', lang]));
      handler = join(folder.path, name);
    });
    after(async () => {
      await skep(folder.path, ['remove', name]);
      await docker('rmi', '-f', `${name}:latest`);
      folder.remove();
    });

    if (row.testFile !== undefined) {
      it('is not built when its own test fails', async () => {
        const file = join(handler, row.testFile ?? '');
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, text.replaceAll('Hello', 'Goodbye'));
        const built = await skep(folder.path, ['build']);
        writeFileSync(file, text);
        expect(built.exitCode, built.stdout).to.equal(1);
        expect(built.stdout).to.contain('Goodbye').and.to.contain('These are the tests in');
        expect((await docker('image', 'inspect', `${name}:latest`)).exitCode).to.not.equal(0);
      });
    }

    if (row.lock !== undefined) {
      it('is not built of a package that is not what the lock file says', async () => {
        const { file, text, tampered } = row.lock ?? { file: '', text: '', tampered: '' };
        const before = join(folder.path, 'before');
        cpSync(handler, before, { recursive: true });
        layPackageOver(row, handler);
        const locked = readFileSync(join(handler, file), 'utf8');
        expect(locked).to.contain(text);
        writeFileSync(join(handler, file), locked.replace(text, tampered));
        const built = await skep(folder.path, ['build']);
        cpSync(before, handler, { recursive: true });
        expect(built.exitCode, built.stdout).to.equal(1);
        expect(built.stdout + built.stderr).to.match(row.lock?.told ?? /checksum|integrity|hash/i);
      });
    }

    if (OWN_PACKAGES[lang] !== undefined) {
      it('is built with a package of its own folder', async () => {
        rmSync(handler, { recursive: true });
        for (const [path, text] of Object.entries(OWN_PACKAGES[lang] ?? {})) {
          mkdirSync(dirname(join(handler, path)), { recursive: true });
          writeFileSync(join(handler, path), text);
        }
        const built = await skep(folder.path, ['build']);
        rmSync(handler, { recursive: true });
        cpSync(join(TEMPLATES, lang, 'function'), handler, { recursive: true });
        succeeded('build', built);
      });
    }

    it('is built with its packages and its test, deployed, and answers', async () => {
      layPackageOver(row, handler);
      succeeded('up', await skep(folder.path, ['up']));
      const ran = succeeded('invoke', await skep(folder.path, ['invoke', name], 'hi'));
      expect(ran.stdout).to.contain(row.packageAnswer ?? row.greeting);
    });

    it('does not run as root', async () => {
      const service = `label=com.docker.swarm.service.name=${name}`;
      const { stdout } = await docker('ps', '--quiet', '--filter', service);
      const [container = ''] = stdout.split('\n');
      const user = succeeded('exec', await docker('exec', container, 'id', '-u'));
      expect(user.stdout).to.match(/^[1-9]/);
    });
  });
}

/** The function with a third-party package in place of the starter, where there is one. */
function layPackageOver({ packageFolder }: LanguageRow, handler: string): void {
  if (packageFolder !== undefined) cpSync(packageFolder, handler, { recursive: true });
}

function isBuiltOn(lang: string, image: string): boolean {
  const template = join(TEMPLATES, lang);
  const file = join(template, lang === 'dockerfile' ? 'function/Dockerfile' : 'Dockerfile');
  return readFileSync(file, 'utf8').includes(image);
}
