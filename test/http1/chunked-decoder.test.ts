import { expect } from 'chai';
import { BadMessage } from '../../http1/bad-message.ts';
import { ChunkedDecoder } from '../../http1/chunked-decoder.ts';
import { seededRandom } from './raw-peer.ts';

interface Decoded {
  readonly body: string;
  readonly isDone: boolean;
  readonly trailers: string[];
  readonly rest: number;
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedDecoder();
  let body = '';
  let rest = 0;
  for (const piece of pieces) {
    let position = 0;
    while (position < piece.length && !decoder.isDone) {
      position = decoder.step(piece, position);
      body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
    }
    rest += piece.length - position;
  }
  return { body, isDone: decoder.isDone, trailers: decoder.trailers, rest };
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('ChunkedDecoder', () => {
  const whole = latin1(
    '5;a="b c"\r\nhello\r\n00A ; x\r\n, world!!\n\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\nnext',
  );
  const expected = {
    body: 'hello, world!!\n',
    isDone: true,
    trailers: ['X-Sum', '1', 'X-Other', '2'],
    rest: 4,
  };

  it('reads chunks, extensions and trailers, and leaves what follows', () => {
    expect(decode([whole])).to.deep.equal(expected);
  });

  it('reads the same when split at any byte, and byte by byte', () => {
    for (let split = 0; split <= whole.length; split++) {
      expect(decode([whole.subarray(0, split), whole.subarray(split)])).to.deep.equal(expected);
    }
    expect(decode([...whole].map((byte) => Buffer.of(byte)))).to.deep.equal(expected);
  });

  for (const [what, text] of [
    ['no size', '\r\n'],
    ['a size that is no number', 'xyz\r\n'],
    ['a negative size', '-1\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n'],
    ['a size of thirteen digits', '1000000000000\r\n'],
    ['a size line that ends in LF', '5\nhello\r\n'],
    ['a bare CR after the size', '5\rhello\r\n'],
    ['blanks after the size', '5 \r\nhello\r\n'],
    ['a chunk longer than its size', '5\r\nhelloo\r\n'],
    ['a chunk that ends in LF', '5\r\nhello\n0\r\n\r\n'],
    ['a control byte in an extension', '5;a=\x01\r\nhello\r\n'],
    ['an endless extension', `5;${'a'.repeat(5000)}`],
    ['many chunks with long extensions', `1;${'a'.repeat(400)}\r\nx\r\n`.repeat(20)],
    ['a bare LF in the trailers', '0\r\nX: 1\nY: 2\r\n\r\n'],
    ['a bare CR in the trailers', '0\r\nX: 1\rY: 2\r\n\r\n'],
    ['a trailer without colon', '0\r\nnonsense\r\n\r\n'],
    ['endless trailers', `0\r\nX: ${'a'.repeat(20_000)}`],
    ['too many trailers', `0\r\n${'X: 1\r\n'.repeat(65)}\r\n`],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => decode([latin1(text)])).to.throw(BadMessage);
    });
  }

  it('takes a body of which each chunk is signed in its extension', () => {
    const chunk = `4000;chunk-signature=${'a'.repeat(64)}\r\n${'x'.repeat(0x4000)}\r\n`;
    const { body, isDone } = decode([
      latin1(`${chunk.repeat(200)}0;chunk-signature=${'a'.repeat(64)}\r\n\r\n`),
    ]);
    expect([body.length, isDone]).to.deep.equal([200 * 0x4000, true]);
  });

  it('decodes what was encoded, for random bodies, chunks and splits', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      let body = '';
      let wire = '';
      for (let chunk = Math.floor(random() * 6); chunk > 0; chunk--) {
        const data = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
          String.fromCharCode(Math.floor(random() * 256)),
        ).join('');
        body += data;
        wire += `${data.length.toString(16)}\r\n${data}\r\n`;
      }
      const bytes = latin1(`${wire}0\r\n\r\n`);
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + Math.floor(random() * 12);
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      expect(decode(pieces), `seed ${seed}`).to.deep.equal({ body, isDone: true, trailers: [], rest: 0 });
    }
  });

  it('either refuses or waits for more when bytes are changed, and never runs past the end', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seededRandom(seed);
      const bytes = Buffer.from(whole);
      for (let change = 1 + Math.floor(random() * 4); change > 0; change--) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      try {
        const decoded = decode([bytes]);
        expect(decoded.body.length, `seed ${seed}`).to.be.at.most(bytes.length);
      } catch (error) {
        expect(error, `seed ${seed}`).to.be.instanceOf(BadMessage);
      }
    }
  });
});
