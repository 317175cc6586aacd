import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { InvocationCounts } from '../../../gateway/metrics/invocation-counts.ts';
import {
  prometheusCounts,
  prometheusUsage,
  usageQueries,
} from '../../../gateway/metrics/prometheus-query.ts';

describe('prometheusCounts', () => {
  let server: Server;

  const against = async (listener: RequestListener, timeoutMs = 1500): Promise<InvocationCounts> => {
    server = createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return prometheusCounts({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs });
  };
  const answering = (body: unknown, status = 200): Promise<InvocationCounts> =>
    against((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
  const failureOf = (counts: InvocationCounts, signal?: AbortSignal): Promise<unknown> =>
    counts.read(signal).then(
      () => expect.fail('it answered'),
      (error: unknown) => (error as Error).message,
    );

  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  it('asks for the sum by function', async () => {
    let asked = '';
    const counts = await against((request, response) => {
      asked = new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? '';
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } }));
    });
    expect(await counts.read()).to.deep.equal(new Map());
    expect(asked).to.equal('sum(gateway_function_invocation_total) by (function_name)');
  });

  it('reads the vector, passing over what is no number or has no name', async () => {
    const counts = await answering({
      status: 'success',
      data: {
        resultType: 'vector',
        result: [
          { metric: { function_name: 'a.ns' }, value: [1700000000.1, '12'] },
          { metric: { function_name: 'b.ns' }, value: [1700000000.1, 'NaN'] },
          { metric: {}, value: [1700000000.1, '5'] },
        ],
      },
    });
    expect([...(await counts.read())]).to.deep.equal([['a.ns', 12]]);
  });

  it('fails when Prometheus does', async () => {
    expect(await failureOf(await answering({ status: 'error', error: 'x' }, 422))).to.equal(
      'Prometheus answered 422',
    );
  });

  it('fails for an answer of another kind', async () => {
    expect(await failureOf(await answering({ status: 'success', data: {} }))).to.match(
      /data\.result: expected a list/,
    );
  });

  it('fails when nothing comes in time', async () => {
    const counts = await against(() => {}, 20);
    expect(await failureOf(counts)).to.match(/abort|time/i);
  });

  it('fails when the caller gives up', async () => {
    const counts = await against(() => {});
    expect(await failureOf(counts, AbortSignal.abort())).to.match(/abort/i);
  });
});

describe('prometheusUsage', () => {
  let server: Server;

  const start = async (answers: { cpu: unknown; memory: unknown }, status = 200): Promise<string[]> => {
    const asked: string[] = [];
    server = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? '';
      asked.push(query);
      const result = query.includes('pod_cpu') ? answers.cpu : answers.memory;
      response.writeHead(status).end(JSON.stringify({ status: 'success', data: { result } }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return asked;
  };
  const read = (selection: { namespace: string; name?: string }) =>
    prometheusUsage({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }).read(selection);
  const sample = (name: string, value: string) => ({
    metric: { function_name: name },
    value: [1700000000.1, value],
  });

  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  it('is in thousandths of a core and in bytes', async () => {
    await start({ cpu: [sample('a.ns', '0.25')], memory: [sample('a.ns', '1048576')] });
    expect([...(await read({ namespace: 'ns' }))]).to.deep.equal([
      ['a.ns', { cpu: 250, totalMemoryBytes: 1_048_576 }],
    ]);
  });

  it('is absent, not zero, where one of the two was not measured or makes no sense', async () => {
    await start({
      cpu: [sample('a.ns', '0.25'), sample('c.ns', 'NaN'), sample('d.ns', '-1')],
      memory: [sample('b.ns', '7'), sample('c.ns', '7'), sample('d.ns', '7')],
    });
    expect([...(await read({ namespace: 'ns' }))]).to.deep.equal([]);
  });

  it('is zero where an idle function was measured', async () => {
    await start({ cpu: [sample('a.ns', '0')], memory: [sample('a.ns', '7')] });
    expect((await read({ namespace: 'ns' })).get('a.ns')).to.deep.equal({ cpu: 0, totalMemoryBytes: 7 });
  });

  it('asks for one function or one namespace, and a name can not end its quotes', async () => {
    const asked = await start({ cpu: [], memory: [] });
    await read({ namespace: 'ns', name: 'a' });
    expect(asked).to.have.length(2);
    for (const query of asked) expect(query).to.contain('{namespace="ns",function_name="a.ns"}');
    expect(usageQueries({ namespace: 'n"} or up{x="\\' }).memory).to.equal(
      'sum by (function_name) (pod_memory_working_set_bytes{namespace="n\\"} or up{x=\\"\\\\"})',
    );
  });

  it('fails when Prometheus does', async () => {
    await start({ cpu: [], memory: [] }, 503);
    const error = await read({ namespace: 'ns' }).catch((reason: unknown) => reason);
    expect((error as Error).message).to.equal('Prometheus answered 503');
  });
});
