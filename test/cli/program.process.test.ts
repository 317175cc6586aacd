import { expect } from 'chai';
import { capitalised } from '../../cli/program.ts';
import { paintFor } from '../../cli/shell.ts';
import { Workplace } from './support/run-skep.ts';

describe('skep', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('suggests a command for a mistyped one', async () => {
    const ran = await place.skep(['biuld']);
    expect(ran.stdout).to.equal("Unknown command 'biuld'\n(Did you mean build?)\n");
    expect(ran.exitCode).to.equal(1);
  });

  it('refuses an unknown flag, suggesting the right one', async () => {
    const ran = await place.skep(['deploy', '--namespce', 'x']);
    expect(ran.stdout).to.contain("Unknown option '--namespce'").and.to.contain('--namespace');
    expect(ran.exitCode).to.equal(1);
  });

  it('refuses a switch that is neither true nor false', async () => {
    const ran = await place.skep(['deploy', '--update=maybe']);
    expect(ran.stdout).to.equal('Invalid value "maybe" for --update: use true or false\n');
    expect(ran.exitCode).to.equal(1);
  });

  it('shows all commands without any, and help of one with help', async () => {
    expect((await place.skep([])).stdout).to.contain('Commands:');
    expect((await place.skep(['help', 'deploy'])).stdout).to.contain('--constraint');
    const own = await place.skep(['secret', 'create', '--help']);
    expect(own.stdout).to.match(/^Usage: skep secret create /);
    expect(own.exitCode).to.equal(0);
  });

  const topics: readonly [string, string][] = [
    ['help', 'Usage: skep <command> [flags]'],
    ['help secret', 'Usage: skep secret <command> [flags]'],
    ['help secret create', 'Usage: skep secret create '],
    ['help template pull stack', 'Usage: skep template pull'],
    ['help template store list', 'Usage: skep template store list'],
    ['secret help', 'Usage: skep secret <command> [flags]'],
    ['secret help create', 'Usage: skep secret create '],
    ['template store help', 'Usage: skep template store <command>'],
    ['template store list --help', 'Usage: skep template store list'],
    ['help ls', 'Usage: skep list|ls'],
  ];
  for (const [line, usage] of topics) {
    it(`shows with "${line}" the help of just that`, async () => {
      const ran = await place.skep(line.split(' '));
      expect(ran.stdout.startsWith(usage), ran.stdout).to.equal(true);
      expect(ran.exitCode).to.equal(0);
    });
  }

  const noTopics: readonly [string, string][] = [
    ['help biuld', "Unknown command 'biuld'\n(Did you mean build?)\n"],
    ['help bogus', "Unknown command 'bogus'\n"],
    ['bogus --help', "Unknown command 'bogus'\n"],
    ['bogus help', "Unknown command 'bogus'\n"],
    ['help secret craete', 'Unknown command "craete" for "secret"'],
    ['secret craete --help', '(Did you mean create?)'],
    ['template store bogus -h', 'Unknown command "bogus" for "store": choose one of list, describe, pull'],
  ];
  for (const [line, message] of noTopics) {
    it(`says with "${line}" that there is no such command`, async () => {
      const ran = await place.skep(line.split(' '));
      expect(ran.stdout).to.contain(message);
      expect(ran.stderr).to.contain('See "skep help"');
      expect(ran.exitCode).to.equal(1);
    });
  }

  it('asks a plugin for the help on it', async () => {
    place.write('.home/.openfaas/plugins/mine', '#!/bin/sh\necho "mine says $*"\n', 0o755);
    expect((await place.skep(['help', 'mine'])).stdout).to.equal('mine says --help\n');
  });

  it('names file and line of a broken stack file, without changing the name', async () => {
    place.write('stack.yaml', 'provider: {name: openfaas}\nfunctions:\n  a: [1]\n');
    expect((await place.skep(['deploy'])).stdout).to.match(
      /^stack.yaml:3:6: functions.a: expected keys with values/,
    );
  });
});

describe('capitalised', () => {
  it('raises a word, not a file name or an address', () => {
    expect(capitalised('unable to x')).to.equal('Unable to x');
    expect(capitalised('stack.yaml:3: x')).to.equal('stack.yaml:3: x');
    expect(capitalised('http://x is')).to.equal('http://x is');
  });
});

describe('paintFor', () => {
  it('colours on a terminal only, and not against NO_COLOR or on a dumb one', () => {
    expect(paintFor(true, {}).red('x')).to.equal('\u001b[31mx\u001b[0m');
    for (const plain of [
      paintFor(false, {}),
      paintFor(true, { NO_COLOR: '1' }),
      paintFor(true, { TERM: 'dumb' }),
    ]) {
      expect(plain.red('x')).to.equal('x');
    }
    expect(paintFor(true, { NO_COLOR: '' }).red('x')).not.to.equal('x');
  });
});
