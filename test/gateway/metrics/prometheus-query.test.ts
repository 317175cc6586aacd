import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { InvocationCounts } from '../../../gateway/metrics/invocation-counts.ts';
import { prometheusCounts } from '../../../gateway/metrics/prometheus-query.ts';

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
