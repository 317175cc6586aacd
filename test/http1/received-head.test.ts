import { expect } from 'chai';
import { HeaderFilter, requestFilter } from '../../http1/hop-by-hop.ts';
import { latin1 } from '../../http1/intern.ts';
import { parseRequestHead, parseResponseHead } from '../../http1/parse-head.ts';
import { passFields } from '../../http1/pass-fields.ts';

function request(...lines: string[]) {
  const bytes = Buffer.from(
    `GET /a HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
    'latin1',
  );
  return parseRequestHead(bytes, 0, bytes.length, 128);
}

/** What a filter lets through of a request's field lines. */
function passed(head: ReturnType<typeof request>, filter: HeaderFilter): string {
  let text = '';
  const out = {
    text: (more: string) => {
      text += more;
    },
    range: (bytes: Uint8Array, start: number, end: number) => {
      text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    },
  };
  passFields(out, head.fields, filter, head.fields.fieldsStart, head.fields.end - 2);
  return text;
}

describe('a received head', () => {
  it('tells its own fields after another head was read', () => {
    const first = request('X-A: 1', 'X-B: 2');
    const second = request('X-A: 3');
    expect(first.find('x-a')).to.equal('1');
    expect(second.find('x-a')).to.equal('3');
    expect(first.find('x-b')).to.equal('2');
    expect(second.find('x-b')).to.equal(undefined);
    expect([...first.headers]).to.deep.equal(['Host', 'a', 'X-A', '1', 'X-B', '2']);
  });

  it('is whole after a broken one was read', () => {
    const head = request('X-A: 1');
    expect(() => request('X-A : 2')).to.throw();
    expect(head.find('x-a')).to.equal('1');
  });

  it('tells the first of repeated fields, in whatever case, and an empty value', () => {
    const head = request('x-TWICE: 1', 'X-Twice: 2', 'X-Empty:');
    expect(head.find('x-twice')).to.equal('1');
    expect(head.find('x-empty')).to.equal('');
    expect(head.find('x-twic')).to.equal(undefined);
  });

  it('tells what was put in place of a field, all of its values', () => {
    const head = request('X-A: 1', 'x-a: 2', 'X-B: 3');
    head.replace('X-a', '4');
    expect(head.find('x-a')).to.equal('4');
    expect(head.isAsReceived).to.equal(false);
    expect([...head.headers]).to.deep.equal(['Host', 'a', 'X-B', '3', 'X-a', '4']);
  });

  it('lives no longer with the body that came with it', () => {
    const body = Buffer.alloc(100_000, 'x');
    const bytes = Buffer.concat([
      Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n'),
      body,
    ]);
    const head = parseRequestHead(bytes, 0, bytes.length - body.length, 128);
    expect(head.fields.bytes.length).to.be.lessThan(1000);
    expect(head.find('host')).to.equal('a');
    const answer = Buffer.concat([Buffer.from('HTTP/1.1 200 Fine\r\nContent-Length: 100000\r\n\r\n'), body]);
    const response = parseResponseHead(answer, 0, answer.length - body.length, false);
    expect(response.fields.bytes.length).to.be.lessThan(1000);
    expect(response.reason).to.equal('Fine');
  });

  it('has many fields', () => {
    const head = request(...Array.from({ length: 127 }, (_, i) => `X-${i}: ${i}`));
    for (const i of [0, 63, 64, 126]) expect(head.find(`x-${i}`)).to.equal(String(i));
  });
});

describe('fields passed on', () => {
  const lines = ['A: 1', 'Drop: 2', 'drop: 3', 'B:4', 'C:  5 \t', 'DROP:'];

  it('are those the filter lets through, byte for byte', () => {
    const filter = new HeaderFilter(['drop'], true);
    expect(passed(request(...lines), filter)).to.equal('Host: a\r\nA: 1\r\nB:4\r\nC:  5 \t\r\n');
    expect(passed(request('Drop: 1'), new HeaderFilter(['drop', 'host'], true))).to.equal('');
  });

  it('are filtered by names that get their number after the head was read', () => {
    const head = request('X-Late-Name: 1', 'B: 2');
    const filter = new HeaderFilter(['x-late-name'], true);
    expect(passed(head, filter)).to.equal('Host: a\r\nB: 2\r\n');
  });

  it('are filtered by names that have no number', () => {
    const head = request('X-Unnumbered-Name: 1', 'B: 2');
    expect(passed(head, new HeaderFilter(['x-unnumbered-name'], false))).to.equal('Host: a\r\nB: 2\r\n');
  });

  it('leave out what Connection names, but not what the message needs', () => {
    const head = request('Connection: x-mine, Content-Type', 'X-Mine: 1', 'Content-Type: text/plain');
    const filter = requestFilter(undefined, head.connection);
    expect(passed(head, filter)).to.equal('Host: a\r\nContent-Type: text/plain\r\n');
  });
});

describe('latin1', () => {
  it('is the text of the bytes, whatever came before', () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7) & 0xff));
    for (let length = 0; length < 200; length++) {
      for (let start = 0; start < 4096 - length; start += 97) {
        const text = latin1(bytes, start, start + length);
        expect(text === bytes.toString('latin1', start, start + length)).to.equal(true);
      }
    }
  });
});
