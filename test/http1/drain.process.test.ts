import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import type { Exchange, Listener } from '../../http1/types.ts';
import { RawPeer } from './raw-peer.ts';

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

/** What a listener owes to clients who cannot know that it stops. */
describe('a listener that drains', () => {
  let listener: Listener;
  const peers: RawPeer[] = [];

  beforeEach(() => {
    listener = listen({
      hostname: '127.0.0.1',
      onExchange: (exchange: Exchange) => exchange.respond({ status: 200, headers: [] }, 'served'),
    });
  });
  afterEach(() => {
    listener.close();
    for (const peer of peers.splice(0)) peer.socket.destroy();
  });
  const connect = async (): Promise<RawPeer> => {
    const peer = await RawPeer.connect(listener.port);
    peers.push(peer);
    return peer;
  };
  const isRefused = (): Promise<boolean> =>
    connect().then(
      () => false,
      () => true,
    );

  it('answers the first request of a connection that was made just before', async () => {
    const fresh = await connect();
    const drained = listener.drain(5000);
    while (!(await isRefused())) await Bun.sleep(1);
    fresh.send(GET);
    expect(await fresh.untilEnd()).to.match(/^HTTP\/1.1 200 OK\r\n[\s\S]*connection: close\r\n\r\nserved$/);
    expect(await drained).to.equal(0);
  });

  it('answers a request of which it has only a part', async () => {
    const slow = await connect();
    slow.send(GET.slice(0, 20));
    await Bun.sleep(20);
    const drained = listener.drain(5000);
    while (!(await isRefused())) await Bun.sleep(1);
    slow.send(GET.slice(20));
    expect(await slow.untilEnd()).to.match(/connection: close\r\n\r\nserved$/);
    expect(await drained).to.equal(0);
  });

  it('resets nobody who waits in the kernel’s queue', async () => {
    // All connect while this process is busy and takes none of them in.
    const connecting = Array.from({ length: 200 }, async () => {
      const peer = await connect();
      peer.send(GET);
      return peer.untilEnd();
    });
    const drained = listener.drain(5000);
    const answers = await Promise.all(
      connecting.map((answer) => answer.catch((error: Error) => error.message)),
    );
    expect(await drained).to.equal(0);
    for (const answer of answers) expect(answer).to.match(/served$|ECONNREFUSED/);
    expect(answers.some((answer) => answer.endsWith('served'))).to.equal(true);
  });

  it('answers what came over kept-alive connections until the moment at which it closes them', async () => {
    const kept = await Promise.all(Array.from({ length: 50 }, connect));
    for (const peer of kept) {
      peer.send(GET);
      await peer.untilReceived('served');
      peer.received = '';
    }
    const drained = listener.drain(5000);
    for (const peer of kept) peer.send(GET);
    const answers = await Promise.all(kept.map((peer) => peer.untilEnd()));
    for (const answer of answers) expect(answer).to.match(/connection: close\r\n\r\nserved$/);
    expect(await drained).to.equal(0);
  });

  it('serves on for as long as it is told, new connections too, and asks each client to close', async () => {
    const kept = await connect();
    kept.send(GET);
    await kept.untilReceived('served');
    const drained = listener.drain(5000, 300);
    kept.send(GET);
    expect(await kept.untilEnd()).to.match(/connection: close\r\n\r\nserved$/);
    const fresh = await connect();
    fresh.send(GET);
    expect(await fresh.untilEnd()).to.match(/connection: close\r\n\r\nserved$/);
    const idle = await connect();
    await idle.untilEnd();
    expect(idle.received).to.equal('');
    expect(await drained).to.equal(0);
    expect(await isRefused()).to.equal(true);
  });
});
