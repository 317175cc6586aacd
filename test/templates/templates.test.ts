import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { DockerfileParser } from 'dockerfile-ast';
import { parseTemplateManifest } from '../../cli/templates/template-manifest.ts';
import { ALL_IMAGES } from '../../scripts/base-images/catalog.ts';
import { LANGUAGES } from './languages.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');
const KNOWN = ['skep/watchdog:latest', ...ALL_IMAGES.map(({ name }) => name)];
const langs = readdirSync(TEMPLATES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const NPM = [
  '{ "dependencies": { "words": "file:./words" } }',
  '{ "dependencies": { "a": "1", "words": "./words" }, "main": "x" }',
  '{ "devDependencies": { "words": "../words" } }',
  '{ "dependencies": { "words": "words-1.0.0.tgz" } }',
  '{ "dependencies": { "words": "libs/words/v1" } }',
  '{ "workspaces": ["words"] }',
  '{ "workspaces": { "packages": ["words"] } }',
  '{ "scripts": { "postinstall": "node make-words.js" } }',
  '{ "node_modules/words": { "resolved": "words", "link": true } }',
];
const NPM_REGISTRY_ALONE =
  '{ "main": "./a.js", "dependencies": { "a": "npm:@a/b@1", "e": "git+https://x.example/y.git", "@c/d": "1" }, "exports": { ".": "./a.js" } }';
const PIP = [
  'a==1\n-r more.txt\n',
  '-e .',
  '--constraint c.txt',
  './words',
  'words/',
  'w @ file:///x',
  'w.whl',
];
/** What lock files have in them where they name something of the function's own folder. */
const OWN_FILES: Readonly<Record<string, readonly string[]>> = {
  typescript: NPM,
  node: NPM,
  'node-http': NPM,
  python: PIP,
  'python-flask': PIP,
  php: ['{ "repositories": [{ "type": "path", "url": "words" }] }'],
  java: ['<systemPath>/x/words.jar</systemPath>', '<url>file:///x/jars</url>'],
};

describe('the templates', () => {
  it('have a row each in the table that tests go by', () => {
    expect(LANGUAGES.map(({ lang }) => lang).sort()).to.deep.equal(langs);
  });

  for (const { lang, needs, testFile, packageFolder } of LANGUAGES) {
    const folder = join(TEMPLATES, lang);
    const dockerfile = DockerfileParser.parse(
      readFileSync(join(folder, lang === 'dockerfile' ? 'function/Dockerfile' : 'Dockerfile'), 'utf8'),
    );

    it(`${lang}: is built on images that base-images provides, and runs as a user of its own`, () => {
      const stages = dockerfile.getFROMs().map((from) => from.getBuildStage());
      const argument = (name: string): string =>
        dockerfile
          .getInitialARGs()
          .map((it) => it.getProperty())
          .find((property) => property?.getName() === name)
          ?.getValue() ?? '';
      const images = dockerfile
        .getFROMs()
        .map((from) => (from.getImage() ?? '').replace(/^\$\{(\w+)\}$/, (_, name: string) => argument(name)))
        .filter((image) => !stages.includes(image));
      expect(KNOWN).to.include.members(images);
      const lastFrom = dockerfile.getFROMs().at(-1)?.getRange().start.line ?? 0;
      const user = dockerfile
        .getInstructions()
        .filter((it) => it.getKeyword() === 'USER' && it.getRange().start.line > lastFrom)
        .map((it) => it.getArgumentsContent());
      expect(user).to.deep.equal(['app']);
    });

    if (needs.includes('npm') || lang === 'typescript') {
      it(`${lang}: installs packages from the registry that .npmrc names`, () => {
        const copied = dockerfile.getCOPYs().map((each) => each.getArgumentsContent() ?? '');
        expect(copied.find((each) => each.includes('package*.json'))).to.match(
          / function\/\.npmrc\* function\/$/,
        );
      });
    }

    it(`${lang}: says how it runs without an image, and what it needs for that`, () => {
      const file = join(folder, 'template.yml');
      const { dev, language, welcomeMessage } = parseTemplateManifest(readFileSync(file, 'utf8'), file);
      expect(language).to.equal(lang);
      expect(welcomeMessage).to.not.equal('');
      if (lang === 'dockerfile') expect(dev).to.equal(undefined);
      else expect(dev?.needs).to.deep.equal(needs);
    });

    if (existsSync(join(folder, 'install.sh'))) {
      it(`${lang}: skep dev installs anew for another install.sh, and for no edit where all packages are of a registry`, () => {
        const file = join(folder, 'template.yml');
        const { dev } = parseTemplateManifest(readFileSync(file, 'utf8'), file);
        expect(dev?.lock).to.include('install.sh');
        const packages = join(import.meta.dirname, '../../examples/packages', lang);
        for (const path of dev?.lock ?? []) {
          const name = path.replace(/^function\//, '');
          for (const candidate of [join(folder, path), join(packages, name)]) {
            if (name === 'install.sh' || !existsSync(candidate)) continue;
            expect(dev?.ownFiles?.test(readFileSync(candidate, 'utf8')) ?? false, candidate).to.equal(false);
          }
        }
      });
    }

    it(`${lang}: has the test and the package files that the table names`, () => {
      if (testFile !== undefined) expect(existsSync(join(folder, 'function', testFile))).to.equal(true);
      if (packageFolder !== undefined) expect(existsSync(packageFolder)).to.equal(true);
    });
  }

  for (const [lang, texts] of Object.entries(OWN_FILES)) {
    it(`${lang}: skep dev installs anew for each edit where packages are made of the function's own files`, () => {
      const file = join(TEMPLATES, lang, 'template.yml');
      const { dev } = parseTemplateManifest(readFileSync(file, 'utf8'), file);
      for (const text of texts) expect(dev?.ownFiles?.test(text), text).to.equal(true);
      if (texts === NPM) expect(dev?.ownFiles?.test(NPM_REGISTRY_ALONE)).to.equal(false);
    });
  }

  it('say in words that own_files is no regular expression', () => {
    expect(() => parseTemplateManifest('language: x\ndev: {own_files: "("}\n', 'x/template.yml')).to.throw(
      /^x\/template\.yml: dev\.own_files: .*write a regular expression$/,
    );
  });
});
