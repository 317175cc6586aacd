import { expect } from 'chai';
import { LineReader } from '../../../gateway/processes/line-reader.ts';

describe('lines of a process', () => {
  const read = (...pieces: readonly string[]): string[] => {
    const lines: string[] = [];
    const reader = new LineReader((text) => void lines.push(text));
    for (const piece of pieces) reader.push(Buffer.from(piece, 'latin1'));
    reader.end();
    return lines;
  };

  it('are the same however their bytes come', () => {
    const text = 'one\n\ntwo\r\n\u00c3\u00a9t\u00c3\u00a9\nlast';
    for (let at = 0; at <= text.length; at++) {
      expect(read(text.slice(0, at), text.slice(at))).to.deep.equal(['one', '', 'two', 'été', 'last']);
    }
    expect(read(...text)).to.deep.equal(['one', '', 'two', 'été', 'last']);
  });

  it('are cut where they have no end, and nothing is lost', () => {
    const long = 'x'.repeat(600_000);
    const lines = read(long, `y\nnext\n`);
    expect(lines.map(({ length }) => length)).to.deep.equal([262_144, 262_144, 75_713, 4]);
    expect(lines.slice(0, 3).join('')).to.equal(`${long}y`);
  });
});
