import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep logs of several functions', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  let answer: (name: string) => Answer;
  beforeEach(async () => {
    place = new Workplace();
    answer = (name) => ({ status: 200, body: name === 'a' ? line('a', 1) + line('a', 3) : line(name, 2) });
    gateway = await place.startGateway(({ url }) =>
      answer(new URL(url, 'http://g').searchParams.get('name') ?? ''),
    );
  });
  afterEach(() => place.remove());
  const line = (name: string, second: number): string =>
    `${JSON.stringify({ name, namespace: 'x', instance: 'i', timestamp: `2026-01-02T15:04:0${second}Z`, text: `line ${second}` })}\n`;
  const logs = (...args: string[]) => place.skep(['logs', '--follow=false', ...args]);
  const stack = (text: string): void =>
    place.write('stack.yaml', `provider: {name: openfaas}\nfunctions:\n${text}`);

  it('puts the name before each line, in order of time', async () => {
    const ran = await logs('a', 'other');
    expect(ran.stdout).to.equal(
      'a     2026-01-02T15:04:01Z line 1\nother 2026-01-02T15:04:02Z line 2\na     2026-01-02T15:04:03Z line 3\n',
    );
    expect(ran.exitCode).to.equal(0);
  });

  it('puts it into the line where programs read it', async () => {
    expect((await logs('a', 'b', '-o', 'keyvalue', '--time-format=')).stdout).to.equal(
      'name="a" text="line 1" \nname="b" text="line 2" \nname="a" text="line 3" \n',
    );
    const json = await logs('a', 'b', '-j');
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((each) => JSON.parse(each).name),
    ).to.deep.equal(['a', 'b', 'a']);
  });

  it('takes those of the stack file when none is named, chosen by --filter, in their namespaces', async () => {
    stack('  a: {image: a}\n  b: {image: b, namespace: dev}\n  c: {image: c}\n');
    const ran = await logs('--regex', '^[ab]$');
    expect(ran.stdout).to.contain('b.dev ').and.not.to.contain('c ');
    expect(
      gateway.calls.map((call) => new URL(call.slice(4), 'http://g').searchParams.get('namespace')),
    ).to.deep.equal([null, 'dev']);
  });

  it('looks at no other function of a stack file when one is named', async () => {
    stack('  b: {image: b}\n');
    const ran = await logs('a');
    expect(ran.stdout).to.equal('2026-01-02T15:04:01Z line 1\n2026-01-02T15:04:03Z line 3\n');
    expect(gateway.calls).to.have.length(1);
  });

  it('shows the others when one cannot be read, and fails', async () => {
    const there = answer;
    answer = (name) => (name === 'gone' ? { status: 404 } : there(name));
    const ran = await logs('a', 'gone');
    expect(ran.stdout)
      .to.contain('a    2026-01-02T15:04:03Z line 3\n')
      .and.to.contain('gone: No such function: gone');
    expect(ran.exitCode).to.equal(1);
  });

  it('ends with the reasons when none can be followed', async () => {
    answer = () => ({ status: 404 });
    const ran = await place.skep(['logs', 'a', 'b', '--follow']);
    expect(ran.stdout).to.equal('a: No such function: a\nb: No such function: b\n');
    expect(ran.exitCode).to.equal(1);
  });
});
