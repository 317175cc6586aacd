import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { FunctionUsage } from '../../../contract/function-types.ts';
import type { UsageReadings, UsageSelection } from '../../../gateway/metrics/function-usage.ts';
import { prometheusUsage } from '../../../gateway/metrics/prometheus-query.ts';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

const USAGE: FunctionUsage = { cpu: 12.5, totalMemoryBytes: 1_048_576 };

describe('?usage=1', () => {
  let control: RunningControlPlane;
  let asked: UsageSelection[];

  const start = async (usage: UsageReadings['read']): Promise<void> => {
    asked = [];
    control = await startControlPlane({
      usage: {
        read: (selection, signal) => {
          asked.push(selection);
          return usage(selection, signal);
        },
      },
    });
    for (const service of ['echo', 'quiet'])
      await control.call('POST', '/system/functions', {
        service,
        image: 'docker.io/functions/alpine:latest',
      });
  };
  const get = async (path: string): Promise<unknown> => (await control.call('GET', path)).json();

  afterEach(() => control.close());

  it('adds what a function uses, and nothing where it was not measured', async () => {
    await start(async () => new Map([['echo.openfaas-fn', USAGE]]));
    expect(await get('/system/function/echo?usage=1')).to.deep.include({ name: 'echo', usage: USAGE });
    expect(await get('/system/function/quiet?usage=1')).to.not.have.property('usage');
    expect(asked).to.deep.include({ name: 'echo', namespace: 'openfaas-fn' });
    asked.length = 0;
    const list = (await get('/system/functions?usage=1')) as { name: string; usage?: FunctionUsage }[];
    expect(list.map(({ name, usage }) => [name, usage])).to.deep.equal([
      ['echo', USAGE],
      ['quiet', undefined],
    ]);
    expect(asked).to.deep.equal([{ namespace: 'openfaas-fn' }]);
  });

  it('is needed: without it nothing is asked and nothing added', async () => {
    await start(async () => new Map([['echo.openfaas-fn', USAGE]]));
    for (const query of ['', '?usage=', '?usage=0', '?usage=false', '?usage=1&usage=0']) {
      expect(await get(`/system/function/echo${query}`), query).to.not.have.property('usage');
      expect(((await get(`/system/functions${query}`)) as unknown[])[0], query).to.not.have.property('usage');
    }
    expect(asked).to.deep.equal([]);
  });

  it('is yes or no', async () => {
    await start(async () => new Map());
    for (const path of ['/system/function/echo', '/system/functions']) {
      const response = await control.call('GET', `${path}?usage=cpu`);
      expect([response.status, await response.text()]).to.deep.equal([400, 'usage: expected 1 or 0\n']);
    }
  });

  it('tells no function that is not there', async () => {
    await start(async () => new Map([['gone.openfaas-fn', USAGE]]));
    expect((await control.call('GET', '/system/function/gone?usage=1')).status).to.equal(404);
  });

  it('keeps nothing back when Prometheus is away: one warning, no field', async () => {
    await start(() => Promise.reject(new Error('refused')));
    expect(await get('/system/function/echo?usage=1'))
      .to.include({ name: 'echo' })
      .and.not.have.property('usage');
    expect(control.lines.filter((line) => line.includes('refused'))).to.have.length(1);
    expect(await get('/system/functions?usage=1')).to.have.length(2);
    expect(control.lines.filter((line) => line.includes('refused'))).to.have.length(2);
  });

  it('does not wait for a Prometheus that takes the question and never answers', async () => {
    const mute = createServer(() => {});
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    try {
      const { port } = mute.address() as AddressInfo;
      await start(prometheusUsage({ url: `http://127.0.0.1:${port}`, timeoutMs: 20 }).read);
      expect(await get('/system/function/echo?usage=1'))
        .to.include({ name: 'echo' })
        .and.not.have.property('usage');
      expect(await get('/system/functions?usage=1')).to.have.length(2);
    } finally {
      mute.closeAllConnections();
      mute.close();
    }
  });
});
