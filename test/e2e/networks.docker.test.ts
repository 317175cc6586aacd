import { expect } from 'chai';
import { docker } from '../support/cli.ts';
import { openPlatform, type Platform } from '../support/platform.ts';

const NAME = 'e2e-curious';

describe('a function on its network', function () {
  this.timeout(120_000);
  let platform: Platform;

  before(async () => {
    platform = await openPlatform();
    const deployed = await platform.request('/system/functions', {
      method: 'POST',
      json: {
        service: NAME,
        image: await platform.exampleImage(),
        envProcess: 'bash -s',
        envVars: { cgi_response: 'false', combine_output: 'true', healthcheck_interval: '1s' },
      },
    });
    expect(deployed.status).to.equal(202);
  });
  after(async () => {
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: NAME } });
  });

  /** Runs a shell script inside the function. */
  const inside = async (script: string): Promise<string> => {
    const response = await fetch(`${platform.url}/function/${NAME}`, { method: 'POST', body: script });
    return response.text();
  };
  const tryConnect = (host: string, port: number): Promise<string> =>
    inside(`(timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' && echo open || echo closed) 2>/dev/null`);

  it('reaches the gateway and other functions by name', async () => {
    expect(await tryConnect('gateway', 8080)).to.equal('open\n');
    expect(await tryConnect('hello-ts', 8080)).to.equal('open\n');
  });

  it('cannot resolve NATS, Prometheus, Alertmanager or Grafana', async () => {
    for (const host of ['nats', 'prometheus', 'alertmanager', 'grafana']) {
      expect(await inside(`getent hosts ${host} || echo unknown`), host).to.equal('unknown\n');
    }
  });

  it('cannot connect to them by address either, nor to the gateway’s metrics', async () => {
    const ports: Readonly<Record<string, number>> = {
      skep_nats: 4222,
      skep_prometheus: 9090,
      skep_alertmanager: 9093,
      skep_gateway: 8082,
    };
    for (const [service, port] of Object.entries(ports)) {
      const address = await platformAddress(service);
      expect(await tryConnect(address, port), `${service} at ${address}:${port}`).to.equal('closed\n');
    }
    expect(await tryConnect('gateway', 8082)).to.equal('closed\n');
  });

  async function platformAddress(service: string): Promise<string> {
    const container = (
      await docker('ps', '-q', '--filter', `label=com.docker.swarm.service.name=${service}`)
    ).stdout
      .trim()
      .split('\n')[0];
    if (!container) throw new Error(`${service} has no container here`);
    const { stdout } = await docker(
      'inspect',
      '--format',
      '{{(index .NetworkSettings.Networks "skep-platform").IPAddress}}',
      container,
    );
    expect(stdout.trim()).to.match(/^\d+\.\d+\.\d+\.\d+$/);
    return stdout.trim();
  }
});
