import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { chooseApiVersion } from '../../../gateway/swarm/engine.ts';
import { createSwarmProvider } from '../../../gateway/swarm/swarm-provider.ts';

describe('an engine that is not as it should be', () => {
  let folder: string;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skep-engine-'));
  });
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await rm(folder, { recursive: true });
  });

  const serve = (listener: RequestListener): Promise<void> => {
    server = createServer(listener);
    return new Promise((resolve) => server?.listen(join(folder, 'docker.sock'), resolve));
  };
  const provider = () =>
    createSwarmProvider({
      docker: connectEngine({ DOCKER_HOST: `unix://${join(folder, 'docker.sock')}` }),
      functionsNetwork: 'fns',
      version: { release: '0', sha: '0' },
      callLimitMs: 200,
    });
  const reason = async (): Promise<string> => {
    const error = await provider()
      .ping()
      .catch((cause: unknown) => cause);
    if (!(error instanceof FaasError)) throw error ?? new Error('it answered');
    expect(error.code).to.equal('provider_unavailable');
    expect(error.message.split('\n').length).to.equal(1);
    return error.message;
  };
  /** Answers the version, and everything else with `status` and `message`. */
  const answering =
    (status: number, message: string): RequestListener =>
    (request, response) => {
      const isVersion = request.url === '/version';
      response.writeHead(isVersion ? 200 : status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isVersion ? { ApiVersion: '1.41', MinAPIVersion: '1.12' } : { message }));
    };

  it('has no socket', async () => {
    expect(await reason())
      .to.include('cannot be reached')
      .and.include('/var/run/docker.sock');
  });

  it('takes the connection and never answers', async () => {
    await serve(() => {});
    expect(await reason()).to.include('did not answer within 0.2 s');
  });

  it('stops answering in the middle', async () => {
    await serve((request, response) => {
      if (request.url === '/version') answering(200, '')(request, response);
      else response.write('{"half":');
    });
    expect(await reason()).to.include('did not answer within 0.2 s');
  });

  it('hangs up', async () => {
    await serve((request) => void request.socket.destroy());
    expect(await reason()).to.include('Docker engine');
  });

  it('breaks off in the middle of an answer, which is told at once', async () => {
    await serve((request, response) => {
      if (request.url === '/version') answering(200, '')(request, response);
      else response.write('{"half":', () => request.socket.destroy());
    });
    expect(await reason()).to.include('ended the connection before its answer');
  });

  for (const status of [200, 404, 500]) {
    it(`is something else, which shows a page for everything, with status ${status}`, async () => {
      await serve((request, response) => {
        if (request.url === '/version') answering(200, '')(request, response);
        else response.writeHead(status).end('<html>\n<body>Oops!</body>\n</html>');
      });
      expect(await reason()).to.include(`no Docker engine: status ${status}, "<html> <body>Oops!`);
    });
  }

  it('is something else, which answers its version with another thing', async () => {
    await serve((_, response) => response.end('{"version":7}'));
    expect(await reason()).to.include('tells no API version');
  });

  it('is not in a swarm', async () => {
    await serve(
      answering(
        503,
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      ),
    );
    expect(await reason()).to.include('docker swarm init');
  });

  it('is only a worker', async () => {
    await serve(
      answering(
        503,
        "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.",
      ),
    );
    expect(await reason()).to.include('node.role == manager');
  });

  it('is in a swarm without a leader', async () => {
    await serve(
      answering(
        500,
        'rpc error: code = Unknown desc = The swarm does not have a leader. It is possible that too few managers are online.',
      ),
    );
    expect(await reason()).to.include('leader');
  });

  it('speaks too old an API', async () => {
    await serve((_, response) => response.end('{"ApiVersion":"1.40","MinAPIVersion":"1.12"}'));
    expect(await reason())
      .to.include('1.40')
      .and.include('at least 1.41');
  });

  const ofWell =
    (answers: Readonly<Record<string, unknown>>): RequestListener =>
    (request, response) => {
      const path = new URL(request.url ?? '', 'http://engine').pathname.replace(/^\/v1\.41/, '');
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify(answers[path] ?? { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' }),
      );
    };
  const manager = (name: string, Leader: boolean, Reachability = 'reachable') => ({
    ID: `id-of-${name}`,
    Description: { Hostname: name },
    ManagerStatus: { Leader, Reachability },
  });

  it('tells what it is, though it is in no swarm', async () => {
    await serve((request, response) => {
      if (request.url?.endsWith('/version')) ofWell({})(request, response);
      else answering(503, 'This node is not a swarm manager.')(request, response);
    });
    expect(await provider().pingEngine?.()).to.equal('Docker 20.10.24, API 1.41');
    expect(await reason()).to.include('docker swarm init');
  });

  it('tells of a well swarm who leads it, and which of its managers are there', async () => {
    const nodes = [manager('one', false), manager('two', true), manager('three', false, 'unreachable')];
    await serve(ofWell({ '/nodes': nodes, '/networks': [{ Name: 'fns', Id: 'n1' }] }));
    expect(await provider().ping()).to.equal('manager, leader two, 2 of 3 managers reachable, network fns');
  });

  it('has managers, none of which leads', async () => {
    await serve(ofWell({ '/nodes': [manager('one', false)], '/networks': [{ Name: 'fns', Id: 'n1' }] }));
    expect(await reason()).to.include('no leader');
  });

  it("lacks the functions' network", async () => {
    await serve(ofWell({ '/nodes': [manager('one', true)], '/networks': [] }));
    expect(await reason()).to.include('docker network create --driver overlay');
  });

  it('is asked again once it is well, by the same provider', async () => {
    const same = provider();
    const first = await same.list().catch((error: unknown) => error);
    expect(first).to.have.property('code', 'provider_unavailable');
    await serve((request, response) => {
      if (request.url === '/version') answering(200, '')(request, response);
      else response.setHeader('content-type', 'application/json').end('[]');
    });
    expect(await same.list()).to.deep.equal([]);
  });

  it('is spoken to in its own version, or the newest that is known', () => {
    expect(chooseApiVersion({ newest: '1.41', oldest: '1.12' })).to.equal('1.41');
    expect(chooseApiVersion({ newest: '1.99', oldest: '1.44' })).to.equal('1.51');
    expect(() => chooseApiVersion({ newest: '2.1', oldest: '1.90' })).to.throw(
      FaasError,
      'update the gateway',
    );
  });

  it('is refused when its address cannot be read', () => {
    for (const address of ['nonsense', 'ssh://host', 'tcp://']) {
      expect(() => connectEngine({ DOCKER_HOST: address })).to.throw('DOCKER_HOST');
    }
    expect(() =>
      connectEngine({ DOCKER_HOST: 'tcp://host:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CONFIG: folder }),
    ).to.throw('DOCKER_CERT_PATH');
  });
});
