import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  checkScaleUp,
  OWN_RULES,
  ownRulesStack,
  readOwnRules,
  withOwnRules,
} from '../../scripts/platform/prometheus-rules.ts';
import { Problem } from '../../scripts/shell/problem.ts';

describe("an operator's own rules for Prometheus", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'skep-test-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const write = (name: string, text = 'groups: []\n') => {
    mkdirSync(join(root, OWN_RULES), { recursive: true });
    writeFileSync(join(root, OWN_RULES, name), text);
  };

  it('are the YAML files of their folder, where there is one', () => {
    expect(readOwnRules(root)).to.deep.equal([]);
    write('b.yml');
    write('a.yaml', 'groups:\n');
    write('notes.md');
    expect(readOwnRules(root)).to.deep.equal([
      { name: 'a.yaml', text: 'groups:\n' },
      { name: 'b.yml', text: 'groups: []\n' },
    ]);
  });

  it('have names that can be those of configs', () => {
    write('my rules.yml');
    expect(() => readOwnRules(root)).to.throw(Problem, 'prometheus/rules/my rules.yml');
  });

  it('are added to the stack each under a name of its content', () => {
    const nameOf = (text: string) =>
      Object.values(ownRulesStack([{ name: 'a.yml', text }], '/f').configs)[0]?.name;
    expect(ownRulesStack([{ name: 'a.yml', text: 'groups: []\n' }], '/f')).to.deep.equal({
      version: '3.8',
      services: {
        prometheus: { configs: [{ source: 'own-a', target: '/etc/prometheus/rules/own-a.yml' }] },
      },
      configs: { 'own-a': { name: nameOf('groups: []\n'), file: '/f/a.yml' } },
    });
    expect(nameOf('groups: []\n')).to.match(/^skep-own-a-[0-9a-f]{12}$/);
    expect(nameOf('groups:\n')).not.to.equal(nameOf('groups: []\n'));
  });

  it('are there while the stack is deployed', async () => {
    await withOwnRules([], async (files) => void expect(files).to.deep.equal([]));
    await withOwnRules([{ name: 'a.yml', text: 'groups: []\n' }], async ([file = '']) => {
      const { configs } = JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof ownRulesStack>;
      expect(readFileSync(configs['own-a']?.file ?? '', 'utf8')).to.equal('groups: []\n');
    });
  });
});

describe('when many calls are many', () => {
  it('may be said by a rate and by codes', () => {
    for (const rate of ['', '5', '0.5', '100'])
      for (const codes of ['', '200', '2..', '200|202|404', '[23]..', '.*'])
        checkScaleUp({ SKEP_SCALE_UP_RATE: rate, SKEP_SCALE_UP_CODES: codes });
    checkScaleUp({});
  });

  it('is refused where Prometheus would not start with it', () => {
    for (const rate of ['many', '-1', '5/s', '1e3'])
      expect(() => checkScaleUp({ SKEP_SCALE_UP_RATE: rate })).to.throw(Problem, 'SKEP_SCALE_UP_RATE');
    for (const codes of ['200"} or vector(1)', 'ok', '20 0'])
      expect(() => checkScaleUp({ SKEP_SCALE_UP_CODES: codes })).to.throw(Problem, 'SKEP_SCALE_UP_CODES');
  });
});
