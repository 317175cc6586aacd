import { connect } from 'node:net';
import { expect } from 'chai';
import { openPlatform, type Platform, removeFunction } from '../support/platform.ts';

const PREFIX = 'e2e-bad';

describe('bad input to the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;
  let image: string;
  const deployed: string[] = [];

  before(async () => {
    platform = await openPlatform();
    image = await platform.exampleImage();
  });
  after(async () => {
    for (const name of deployed) await removeFunction(platform, name);
  });
  afterEach('the gateway is still up', async () => {
    expect((await fetch(`${platform.url}/healthz`)).status).to.equal(200);
  });

  const post = (json: unknown): Promise<Response> =>
    platform.request('/system/functions', { method: 'POST', json });
  const call = (name: string): Promise<Response> =>
    fetch(`${platform.url}/function/${name}`, { method: 'POST', body: 'hi' });

  /** Deploys a process into the example's image. The watchdog splits at blanks only, so a tab keeps a shell line whole. */
  const deploy = async (
    name: string,
    envProcess: string,
    envVars: Record<string, string> = {},
  ): Promise<string> => {
    const service = `${PREFIX}-${name}`;
    const answer = await post({
      service,
      image,
      envProcess,
      envVars: { healthcheck_interval: '1s', combine_output: 'true', cgi_response: 'false', ...envVars },
    });
    expect(answer.status, await answer.text()).to.equal(202);
    deployed.push(service);
    return service;
  };

  describe('a deployment', () => {
    const refused: [string, unknown, RegExp][] = [
      ['with an invalid name', { service: 'Not_A_Name', image: 'x:1' }, /service/],
      ['without an image', { service: `${PREFIX}-no-image` }, /image/],
      [
        'with a secret that does not exist',
        { service: `${PREFIX}-s`, image: 'x:1', secrets: ['e2e-none'] },
        /e2e-none/,
      ],
      [
        'with a limit that is none',
        { service: `${PREFIX}-l`, image: 'x:1', limits: { memory: 'lots' } },
        /limits\.memory/,
      ],
      ['named like a service of the platform', { service: 'nats', image: 'x:1' }, /nats/],
    ];
    for (const [what, json, reason] of refused) {
      it(`${what} is answered 400 with the reason`, async () => {
        const answer = await post(json);
        expect(answer.status).to.equal(400);
        expect(await answer.text()).to.match(reason);
      });
    }

    it('that is no JSON is answered 400', async () => {
      const answer = await fetch(`${platform.url}/system/functions`, {
        method: 'POST',
        body: '{"service": ',
        headers: { authorization: platform.authorization },
      });
      expect(answer.status).to.equal(400);
    });

    it('with wrong credentials, or none, is answered 401', async () => {
      for (const authorization of [undefined, 'Basic YWRtaW46d3Jvbmc=', 'Bearer x', 'Basic %%%']) {
        const answer = await fetch(`${platform.url}/system/functions`, {
          method: 'POST',
          body: '{}',
          headers: authorization === undefined ? {} : { authorization },
        });
        expect(answer.status).to.equal(401);
        expect(answer.headers.get('www-authenticate')).to.equal('Basic realm="Restricted"');
        expect(await answer.text()).to.contain('invalid credentials');
      }
    });

    it('of an unknown function is answered 404 by update, read, scale and delete', async () => {
      const name = `${PREFIX}-unknown`;
      const answers = await Promise.all([
        platform.request('/system/functions', { method: 'PUT', json: { service: name, image } }),
        platform.request(`/system/function/${name}`),
        platform.request(`/system/scale-function/${name}`, { method: 'POST', json: { replicas: 1 } }),
        platform.request('/system/functions', { method: 'DELETE', json: { functionName: name } }),
      ]);
      expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404, 404]);
    });

    it('of a function that exists is answered 409 by POST, and says what to do', async () => {
      const answer = await post({ service: 'hello-ts', image });
      expect(answer.status).to.equal(409);
      expect(await answer.text()).to.match(/PUT/);
    });
  });

  describe('a call', () => {
    it('of an unknown function is answered 404', async () => {
      const answer = await call(`${PREFIX}-unknown`);
      expect(answer.status).to.equal(404);
      expect(await answer.text()).to.contain(`${PREFIX}-unknown`);
    });

    it('of a function that exits 3 is answered 500 with the exit status', async () => {
      const name = await deploy('exit-3', 'sh -c exit\t3');
      const answer = await call(name);
      expect(answer.status).to.equal(500);
      expect(await answer.text()).to.match(/^exit status 3\n/);
    });

    it('of a function that writes to stderr has it in the answer, as the contract says, or in the log', async () => {
      const mixed = await call(await deploy('stderr', 'sh -c echo\toops>&2;echo\tout'));
      expect(`${mixed.status} ${await mixed.text()}`).to.equal('200 oops\nout\n');
      const apart = await call(
        await deploy('stderr-apart', 'sh -c echo\toops>&2;echo\tout', { combine_output: 'false' }),
      );
      expect(`${apart.status} ${await apart.text()}`).to.equal('200 out\n');
    });

    it('of a function that never ends is killed at its time limit', async () => {
      const answer = await call(await deploy('never-ends', 'sleep 600', { exec_timeout: '1s' }));
      expect(answer.status).to.equal(408);
      expect(await answer.text()).to.equal('Killed process.\n');
    });

    it('of a function whose program does not exist is answered 500 with its name', async () => {
      const answer = await call(await deploy('no-program', 'no-such-program'));
      expect(answer.status).to.equal(500);
      expect(await answer.text()).to.contain('no-such-program');
    });

    it('of a function whose image does not exist is answered 503 with the cluster’s reason', async () => {
      const service = `${PREFIX}-no-such-image`;
      const created = await post({ service, image: 'no-such-image-anywhere:1' });
      expect(created.status).to.equal(202);
      deployed.push(service);
      const answer = await call(service);
      expect(answer.status).to.equal(503);
      expect(await answer.text()).to.match(/No such image/i);
    });

    it('that smuggles a second request is answered 400 and cut off', async () => {
      const text = await exchange(
        'POST /function/hello-ts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      expect(text.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 400']);
    });
  });

  it('shows a function that cannot start as such, and removes it', async () => {
    const service = `${PREFIX}-crashes`;
    expect(
      (await post({ service, image, envProcess: 'cat', envVars: { read_timeout: 'never' } })).status,
    ).to.equal(202);
    deployed.push(service);
    const answer = await call(service);
    expect(answer.status).to.equal(503);
    expect(await answer.text()).to.contain(service);
    const status = (await (await platform.request(`/system/function/${service}`)).json()) as {
      availableReplicas?: number;
    };
    expect(status.availableReplicas ?? 0).to.equal(0);
    await removeFunction(platform, service);
  });

  /** Sends raw bytes and returns all that came back until the connection was closed. */
  function exchange(bytes: string): Promise<string> {
    const { hostname, port } = new URL(platform.url);
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(text));
    });
  }
});
