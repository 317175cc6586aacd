import { expect } from 'chai';
import { describeFailure, Problem } from '../../scripts/shell/problem.ts';
import { Progress } from '../../scripts/shell/progress.ts';
import { runCommand } from '../../scripts/shell/run-command.ts';

const recorder = (isTTY: boolean) => {
  const parts: string[] = [];
  return { isTTY, write: (text: string) => parts.push(text), text: () => parts.join('') };
};

describe('Progress', () => {
  it('writes plain lines with the time where there is no terminal', async () => {
    const output = recorder(false);
    const { step } = new Progress(output, {});
    await step(
      'doing',
      () => Promise.resolve(3),
      (count) => `${count} things`,
    );
    expect(output.text()).to.match(/^… doing\n✔ doing: 3 things \(\d+\.\d s\)\n$/);
  });

  it('says which step failed, and passes the error on', async () => {
    const output = recorder(false);
    const { step } = new Progress(output, {});
    const failure = await step('doing', () => Promise.reject(new Error('no'))).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    expect(output.text()).to.contain('✘ doing failed');
  });

  it('uses no colour on a terminal when NO_COLOR is set', async () => {
    const output = recorder(true);
    await new Progress(output, { NO_COLOR: '1' }).step('doing', () => Promise.resolve());
    expect(output.text()).to.contain('✔ doing');
    expect(output.text()).to.not.contain('\x1b[32m');
  });
});

describe('runCommand', () => {
  it('gives the exit code and both outputs', async () => {
    const result = await runCommand(['sh', '-c', 'cat; echo problem >&2; exit 3'], { input: 'in' });
    expect(result).to.deep.equal({ exitCode: 3, stdout: 'in', stderr: 'problem\n', timedOut: false });
  });

  it('answers 127 for a program, or a folder, that does not exist', async () => {
    expect((await runCommand(['no-such-program'])).exitCode).to.equal(127);
    expect((await runCommand(['true'], { cwd: '/no/such/folder' })).stderr).to.contain('/no/such/folder');
  });

  it('ends a program that takes too long', async () => {
    const result = await runCommand(['sleep', '60'], { timeoutMs: 50 });
    expect(result.timedOut).to.equal(true);
    expect(result.exitCode).to.not.equal(0);
  });
});

describe('describeFailure', () => {
  it('shows what went wrong and what to do', () => {
    expect(describeFailure(new Problem('it broke', 'Mend it.'))).to.equal('error: it broke\n\nMend it.');
  });
});
