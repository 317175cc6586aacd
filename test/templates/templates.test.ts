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

    it(`${lang}: has the test and the package files that the table names`, () => {
      if (testFile !== undefined) expect(existsSync(join(folder, 'function', testFile))).to.equal(true);
      if (packageFolder !== undefined) expect(existsSync(packageFolder)).to.equal(true);
    });
  }
});
