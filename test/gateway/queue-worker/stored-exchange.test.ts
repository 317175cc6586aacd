import { expect } from 'chai';
import { type StoredBody, StoredExchange } from '../../../gateway/queue-worker/stored-exchange.ts';
import type { BodySink } from '../../../http1/types.ts';

/** A sink that takes so many pieces before it is full. */
class TestSink implements BodySink {
  readonly pieces: string[] = [];
  readonly ended = Promise.withResolvers<'ended' | Error>();
  /** Called with each piece. */
  onWrite: (count: number) => boolean = () => true;

  write(bytes: Uint8Array): boolean {
    this.pieces.push(Buffer.from(bytes).toString());
    return this.onWrite(this.pieces.length);
  }

  end(): void {
    this.ended.resolve('ended');
  }

  abort(cause: Error): void {
    this.ended.resolve(cause);
  }
}

describe('a stored call as a request', () => {
  const exchangeOf = (headers: readonly string[], body: StoredBody = new Uint8Array(3)): StoredExchange =>
    new StoredExchange({ target: '/x', headers, body, onResponse: () => new TestSink() });
  const streamOf = (...pieces: readonly string[]): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start: (controller) => {
        for (const piece of pieces) controller.enqueue(Buffer.from(piece));
        controller.close();
      },
    });

  it('is a POST with the length that it has, whatever its headers say', () => {
    const { request } = exchangeOf([
      'A',
      '1',
      'content-length',
      '7',
      'Transfer-Encoding',
      'chunked',
      'a',
      '2',
    ]);
    expect(request).to.deep.include({ method: 'POST', contentLength: 3 });
    expect(request.headers).to.deep.equal(['A', '1', 'a', '2', 'Content-Length', '3']);
  });

  it('finds the first value of a header', () => {
    const exchange = exchangeOf(['A', '1', 'a', '2']);
    expect(exchange.header('a')).to.equal('1');
    expect(exchange.header('b')).to.equal(undefined);
  });

  for (const [name, value] of [
    ['A', 'b\r\nC: d'],
    ['A', 'b\u0000'],
    ['A', 'ā'],
    ['A B', 'c'],
    ['A:', 'c'],
    ['', 'c'],
  ] as const) {
    it(`refuses the header ${JSON.stringify(name)} with ${JSON.stringify(value)}`, () => {
      expect(() => exchangeOf([name, value])).to.throw(TypeError, 'a header of the call is broken');
    });
  }

  it('sends a body as fast as it is taken', async () => {
    const sink = new TestSink();
    const exchange = exchangeOf([], { bytes: 6, stream: streamOf('ab', 'cd', 'ef') });
    sink.onWrite = (count) => count !== 2;
    exchange.readBody(sink);
    while (sink.pieces.length < 2) await Bun.sleep(1);
    await Bun.sleep(5);
    expect(sink.pieces).to.deep.equal(['ab', 'cd']);
    exchange.resumeBody();
    expect(await sink.ended.promise).to.equal('ended');
    expect(sink.pieces).to.deep.equal(['ab', 'cd', 'ef']);
  });

  for (const [bytes, what] of [
    [7, 'shorter'],
    [5, 'longer'],
  ] as const) {
    it(`breaks off a body that is ${what} than it was`, async () => {
      const sink = new TestSink();
      exchangeOf([], { bytes, stream: streamOf('abc', 'def') }).readBody(sink);
      expect(await sink.ended.promise)
        .to.be.instanceOf(Error)
        .with.property('message')
        .that.includes(what);
    });
  }

  it('reads on no more when nobody wants the answer', async () => {
    const cancelled = Promise.withResolvers<void>();
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from('x')),
      cancel: () => cancelled.resolve(),
    });
    const sink = new TestSink();
    const exchange = exchangeOf([], { bytes: 1000, stream });
    const gone = Promise.withResolvers<void>();
    exchange.onClientGone(() => gone.resolve());
    sink.onWrite = () => false;
    exchange.readBody(sink);
    while (sink.pieces.length === 0) await Bun.sleep(1);
    exchange.leave();
    await gone.promise;
    await cancelled.promise;
    expect(sink.pieces).to.have.length(1);
  });
});
