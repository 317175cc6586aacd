import { expect } from 'chai';
import { type Holder, heldBytesInAll, hold, letGo, limitHeldBytes } from '../../http1/held-bytes.ts';
import { listen } from '../../http1/listener.ts';
import { eventually, RawPeer } from './raw-peer.ts';

const DEFAULT_LIMIT = 128 * 1024 * 1024;

describe('what is held for those who do not read', () => {
  const given: string[] = [];
  let all: Holder[];
  const holder = (name: string): Holder => {
    const made = { heldBytes: 0, giveUp: () => given.push(name) };
    all.push(made);
    return made;
  };

  beforeEach(() => {
    given.length = 0;
    all = [];
    limitHeldBytes(100);
  });
  afterEach(() => {
    for (const one of all) letGo(one, one.heldBytes);
    limitHeldBytes(DEFAULT_LIMIT);
  });

  it('is bounded: who has been stuck longest goes first, as many as it takes', () => {
    const [a, b, c] = [holder('a'), holder('b'), holder('c')];
    hold(a, 40);
    hold(b, 40);
    hold(c, 20);
    expect(given).to.deep.equal([]);
    hold(c, 50);
    expect(given).to.deep.equal(['a', 'b']);
    expect(heldBytesInAll()).to.equal(70);
  });

  it('does not count against who reads on, however slowly', () => {
    const [slow, stuck, other] = [holder('slow'), holder('stuck'), holder('other')];
    hold(slow, 40);
    hold(stuck, 40);
    letGo(slow, 1);
    hold(other, 40);
    expect(given).to.deep.equal(['stuck']);
  });

  it('ends who alone holds too much', () => {
    hold(holder('a'), 101);
    expect(given).to.deep.equal(['a']);
    expect(heldBytesInAll()).to.equal(0);
  });

  it('is let go once, by whoever comes first', () => {
    const [a, b] = [holder('a'), holder('b')];
    hold(a, 60);
    hold(b, 60);
    letGo(a, 60); // its connection closes after it was given up
    letGo(a, 60);
    expect(heldBytesInAll()).to.equal(60);
  });

  it('has unfinished heads among it: of many slow clients the first go, and others are served', async () => {
    limitHeldBytes(300_000);
    const listener = listen({
      hostname: '127.0.0.1',
      port: 0,
      onExchange: (exchange) => exchange.respond({ status: 200, headers: [] }, 'served'),
    });
    const slow: RawPeer[] = [];
    try {
      for (let count = 0; count < 10; count++) {
        const peer = await RawPeer.connect(listener.port);
        peer.send(`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(50_000)}`);
        slow.push(peer);
      }
      await eventually(() => slow.filter(({ isClosed }) => isClosed).length === 5);
      expect(heldBytesInAll()).to.be.at.most(300_000);
      const last = slow.at(-1);
      last?.send('\r\n\r\n');
      await last?.untilReceived('served');
      expect(heldBytesInAll()).to.be.at.most(250_000);
    } finally {
      for (const peer of slow) peer.destroy();
      listener.close();
    }
    await eventually(() => heldBytesInAll() === 0);
  });

  it('closes connections of clients that do not read, and serves the others', async () => {
    limitHeldBytes(4 * 1024 * 1024);
    // More than the kernel takes for one that does not read.
    const answer = Buffer.alloc(16 * 1024 * 1024, 'x');
    const listener = listen({
      hostname: '127.0.0.1',
      port: 0,
      onExchange: (exchange) =>
        exchange.respond({ status: 200, headers: [] }, exchange.request.target === '/big' ? answer : 'small'),
    });
    const stuck = await RawPeer.connect(listener.port);
    const well = await RawPeer.connect(listener.port);
    try {
      await eventually(() => listener.connections === 2);
      stuck.socket.pause();
      stuck.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
      await eventually(() => listener.connections === 1);
      expect(heldBytesInAll()).to.equal(0);
      well.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await well.untilReceived('small');
    } finally {
      stuck.destroy();
      well.destroy();
      listener.close();
    }
  });
});
