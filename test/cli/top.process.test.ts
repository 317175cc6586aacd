import { expect } from 'chai';
import { Workplace } from './support/run-skep.ts';
import type { Answer, ScriptedGateway } from './support/scripted-gateway.ts';

describe('skep top', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  let answer: (look: number) => Answer;
  beforeEach(async () => {
    place = new Workplace();
    let looks = 0;
    answer = (look) => ({ status: 200, body: page(look) });
    gateway = await place.startGateway(() => {
      looks += 1;
      return answer(looks);
    });
  });
  afterEach(() => place.remove());
  const top = (...args: string[]) => place.skep(['top', '--interval', '200ms', ...args]);
  const page = (look: number): string =>
    ['hello.openfaas-fn', 'other.dev']
      .map(
        (name) =>
          `gateway_function_invocation_total{function_name="${name}",code="200"} ${look * 10}\ngateway_service_count{function_name="${name}"} 1\n`,
      )
      .join('');

  it('looks twice and prints a table where no terminal shows it', async () => {
    const ran = await top();
    expect(ran.exitCode, ran.stdout).to.equal(0);
    expect(gateway.calls).to.deep.equal(['GET /system/metrics', 'GET /system/metrics']);
    const [heading, first, second] = ran.stdout.split('\n');
    expect(heading).to.match(/^FUNCTION +REPLICAS +CALLS\/S +ERRORS +IN FLIGHT +P50 +P99$/);
    expect(first).to.match(/^hello\.openfaas-fn +0\/1 +\d+(\.\d+)? +0\.0% +0 +- +-$/);
    expect(second).to.match(/^other\.dev /);
  });

  it('prints JSON, of the functions that are named', async () => {
    const ran = await top('hello', '-o', 'json');
    const [hello, ...rest] = JSON.parse(ran.stdout);
    expect(rest).to.deep.equal([]);
    expect(hello).to.include({
      function: 'hello.openfaas-fn',
      replicas: 1,
      ready: 0,
      errors: 0,
      p50Ms: null,
    });
    expect(hello.rate).to.be.above(0);
    expect(JSON.parse((await top('-n', 'dev', '-o', 'json')).stdout)).to.have.length(1);
  });

  it('says that it sees one of several gateways', async () => {
    answer = (look) => ({ status: 200, body: `${page(look)}gateway_scaling_gateways 3\n` });
    expect((await top()).stderr).to.contain('one of 3 gateways');
  });

  const refused: readonly (readonly [string, string[], Answer, string])[] = [
    ['a function that is not there', ['nosuch'], { status: 200, body: '' }, 'No such function: nosuch\n'],
    ['no login', [], { status: 401 }, 'Unauthorized access, run "faas-cli login"'],
    ['a gateway of another kind', [], { status: 404 }, 'it is no gateway of Skep, or an older one\n'],
    ['a page of something else', [], { status: 200, body: '<html>' }, 'a line that is none: <html>\n'],
    ['a failure', [], { status: 500, body: 'broken\n' }, 'unexpected status code: 500 - broken\n'],
    ['an order that is none', ['--sort', 'size'], { status: 200 }, '--sort must be one of rate, errors,'],
    ['a format that is none', ['-o', 'xml'], { status: 200 }, '--output must be one of table, json'],
    [
      'an interval that is too short',
      ['--interval', '1ms'],
      { status: 200 },
      '--interval must be at least 200ms',
    ],
  ];
  for (const [what, args, reply, said] of refused) {
    it(`fails on ${what}`, async () => {
      answer = () => reply;
      const ran = await top(...args);
      expect(ran.stdout).to.contain(said);
      expect(ran.exitCode).to.equal(1);
    });
  }
});
