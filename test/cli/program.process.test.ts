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
