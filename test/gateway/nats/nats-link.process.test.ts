import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { NatsLink } from '../../../gateway/nats/nats-link.ts';
import { type NatsServer, startNats } from '../../support/nats-server.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

describe('a connection to NATS', function () {
  this.timeout(60_000);
  let server: Server | undefined;
  let nats: NatsServer | undefined;
  let link: NatsLink | undefined;
  const sockets = new Set<Socket>();
  let tries = 0;

  afterEach(async () => {
    await link?.stop();
    await nats?.close();
    for (const socket of sockets) socket.destroy();
    server?.close();
    server = nats = link = undefined;
    tries = 0;
  });

  const listen = (onSocket: (socket: Socket) => void): Promise<number> =>
    new Promise((resolve) => {
      server = createServer((socket) => {
        tries++;
        sockets.add(socket);
        socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
        onSocket(socket);
      }).listen(0, '127.0.0.1', () => {
        const address = server?.address();
        if (typeof address === 'object' && address !== null) resolve(address.port);
      });
    });
  const start = (port: number): readonly string[] => {
    const { logger, lines } = createQuietLogger();
    link = new NatsLink({ host: '127.0.0.1', port, name: 'test', logger });
    link.start();
    return lines;
  };

  it('keeps no sockets at a server that takes connections and says nothing, and can be ended in the middle of a try', async () => {
    const lines = start(await listen((socket) => socket.resume()));
    await until('the second try', async () => tries >= 2);
    expect(sockets.size).to.be.at.most(1);
    expect(lines.length).to.equal(1);
    await link?.stop();
    await until('no socket', async () => sockets.size === 0);
  });

  it('is not made to what is no NATS server, which is told once', async () => {
    const lines = start(await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await until('the third try', async () => tries >= 3);
    expect(lines.length).to.equal(1);
    expect(lines[0]).to.include('is no NATS server');
  });

  it('is there for all who use it, on each new connection', async () => {
    nats = await startNats();
    start(nats.port);
    const before: number[] = [];
    link?.onConnection(({ info }) => void before.push(info?.client_id ?? 0));
    await until('the first', async () => before.length === 1);
    const late: number[] = [];
    link?.onConnection(({ info }) => void late.push(info?.client_id ?? 0));
    expect(late.length).to.equal(1);
    await nats.kill();
    await until('its end', async () => link?.connection === undefined);
    await nats.start();
    await until('another one', async () => before.length === 2 && late.length === 2);
  });
});
