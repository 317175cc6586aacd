import { request } from 'node:http';
import { expect } from 'chai';
import { type FunctionReplicas, startReplicas } from '../../support/function-replicas.ts';
import { until } from '../../support/platform.ts';
import { type LogLine, type RunningGateway, runGateway } from '../../support/run-gateway.ts';

const CALLS = 200;

describe('the access log', function () {
  this.timeout(30_000);
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;

  afterEach(async () => {
    gateway.kill('SIGKILL');
    await gateway.ended;
    await replicas.close();
  });

  const start = async (settings: Record<string, string>): Promise<void> => {
    replicas = await startReplicas(1, (incoming, outgoing) => {
      if (incoming.url?.startsWith('/breaks') === true) incoming.socket.destroy();
      else outgoing.end('ok');
    });
    gateway = await runGateway({ gateway_workers: '1', function_port: String(replicas.port), ...settings });
    const { status } = await gateway.call('/system/functions', { json: { service: 'fn', image: 'test:1' } });
    expect(status).to.equal(202);
  };
  const post = (path: string, headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: gateway.port, path, method: 'POST', headers, agent: false };
      request(options, (response) => response.resume().once('end', () => resolve(response.statusCode ?? 0)))
        .once('error', reject)
        .end('the body');
    });
  const lines = (): LogLine[] => gateway.lines.filter(({ message }) => message === 'invocation');

  it('has one line for each call, with what there is to know, and nothing secret', async () => {
    await start({ access_log: 'all' });
    await post('/function/fn/a/b?token=of-the-query', {
      'x-call-id': 'c1',
      authorization: 'Bearer of-the-header',
    });
    await post('/function/unknown', { 'x-call-id': 'c2' });
    await until('both lines', async () => lines().length === 2);
    const [first, second] = lines();
    expect(first).to.deep.include({
      callId: 'c1',
      function: 'fn.openfaas-fn',
      method: 'POST',
      path: '/a/b',
      status: 200,
      replica: '127.0.0.1',
      worker: 1,
    });
    expect(first?.['durationMs']).to.be.a('number');
    expect(second).to.deep.include({ callId: 'c2', function: 'unknown', path: '/', status: 404 });
    const text = JSON.stringify(gateway.lines);
    for (const secret of ['of-the-query', 'of-the-header', 'the body']) expect(text).to.not.contain(secret);
  });

  it('is not made long by a client’s choice of names', async () => {
    await start({ access_log: 'all' });
    await post(`/function/fn/${'p'.repeat(5000)}`, { 'x-call-id': 'c'.repeat(5000) });
    await post(`/function/${'n'.repeat(5000)}`);
    await until('both lines', async () => lines().length === 2);
    for (const line of lines()) expect(JSON.stringify(line).length).to.be.lessThan(1500);
  });

  it('has a part of the calls when it is sampled, and every error', async () => {
    await start({ access_log: 'all', access_log_sample: '0.5' });
    for (let call = 0; call < CALLS; call++) await post('/function/fn');
    for (let call = 0; call < 20; call++) expect(await post('/function/fn/breaks')).to.equal(502);
    await until('the errors', async () => lines().filter(({ status }) => status === 502).length === 20);
    // Fewer than 40 or more than 160 of 200: not once in as many runs as there are atoms.
    expect(lines().filter(({ status }) => status === 200).length).to.be.within(40, 160);
  });

  it('has errors alone unless told otherwise', async () => {
    await start({});
    await post('/function/fn');
    expect(await post('/function/fn/breaks')).to.equal(502);
    await until('the line', async () => lines().length > 0);
    expect(lines().map(({ status }) => status)).to.deep.equal([502]);
    expect(String(lines()[0]?.['error'])).to.contain('broke off');
  });
});
