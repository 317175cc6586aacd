import { type ChildProcess, spawn } from 'node:child_process';
import { expect } from 'chai';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const NAME = 'e2e-scaling';
const PROMETHEUS = 'http://127.0.0.1:9090';

describe('scaling by alert', function () {
  this.timeout(240_000);
  let platform: Platform;
  let load: ChildProcess | undefined;

  const replicas = async (): Promise<number> => {
    const status = (await (await platform.request(`/system/function/${NAME}`)).json()) as {
      replicas?: number;
    };
    return status.replicas ?? 0;
  };

  before(async () => {
    platform = await openPlatform();
    const deployed = await platform.request('/system/functions', {
      method: 'POST',
      json: {
        service: NAME,
        image: await platform.exampleImage(),
        labels: {
          'com.openfaas.scale.min': '1',
          'com.openfaas.scale.max': '4',
          'com.openfaas.scale.factor': '25',
        },
        envVars: { healthcheck_interval: '1s' },
      },
    });
    expect(deployed.status).to.equal(202);
  });
  after(async () => {
    load?.kill();
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: NAME } });
  });

  it('adds replicas, step by step to the maximum, while more than five calls a second succeed', async () => {
    const url = `${platform.url}/function/${NAME}`;
    await until(
      'the first replica',
      async () => (await fetch(url, { method: 'POST', body: 'hi' })).status === 200,
    );
    expect(await replicas()).to.equal(1);
    load = spawn('hey', ['-z', '180s', '-c', '2', '-q', '10', '-m', 'POST', '-d', 'hi', url], {
      stdio: 'ignore',
    });
    const seen = new Set<number>();
    await until(
      'four replicas',
      async () => {
        const now = await replicas();
        seen.add(now);
        return now === 4;
      },
      150_000,
    );
    expect([...seen]).to.deep.equal([1, 2, 3, 4]);
  });

  it('shows the alert in Prometheus', async () => {
    const alerts = (await (await fetch(`${PROMETHEUS}/api/v1/alerts`)).json()) as {
      data: { alerts: { state: string; labels: Record<string, string> }[] };
    };
    const ours = alerts.data.alerts.filter(({ labels }) => labels['function_name'] === `${NAME}.openfaas-fn`);
    expect(ours.map(({ state, labels }) => `${labels['alertname']} ${state}`)).to.deep.equal([
      'APIHighInvocationRate firing',
    ]);
  });

  it('goes back to the minimum after the load ends', async () => {
    load?.kill();
    load = undefined;
    await until('one replica', async () => (await replicas()) === 1, 90_000);
  });

  it('counts the calls in the list', async () => {
    await until('the count', async () => {
      const functions = (await (await platform.request('/system/functions')).json()) as {
        name: string;
        invocationCount?: number;
      }[];
      return (functions.find(({ name }) => name === NAME)?.invocationCount ?? 0) > 100;
    });
  });
});
