import { expect } from 'chai';
import { segmentsOf } from '../../watchdog/static/find-file.ts';
import { relativeUrl } from '../../watchdog/static/listing.ts';
import { parseRanges } from '../../watchdog/static/ranges.ts';

describe('the decisions of mode static', () => {
  it('segmentsOf never leads above the root', () => {
    for (const [path, segments] of [
      ['/', []],
      ['/a//b/./c', ['a', 'b', 'c']],
      ['/a/../../../b', ['b']],
      ['/%2e%2E/b', ['b']],
      ['/a%20b', ['a b']],
      ['/\xc3\xa4', ['ä']],
      ['/%C3%A4', ['ä']],
      ['/..\\b', ['..\\b']],
      ['/%252e', ['%2e']],
      ['/a%2fb', undefined],
      ['/a%00', undefined],
      ['/%ff', undefined],
    ] as const) {
      expect(segmentsOf(path), path).to.deep.equal(segments);
    }
    for (const path of ['/%', '/%z', '/a%2']) expect(() => segmentsOf(path), path).to.throw(URIError);
  });

  it('parseRanges clips, and refuses what makes no sense', () => {
    for (const [header, size, expected] of [
      ['bytes=0-0', 10, [{ from: 0, to: 1 }]],
      ['Bytes = 3-', 10, [{ from: 3, to: 10 }]],
      ['bytes=-3', 10, [{ from: 7, to: 10 }]],
      ['bytes=-0', 10, 'unsatisfiable'],
      ['bytes=10-', 10, 'unsatisfiable'],
      ['bytes=9-8', 10, 'unsatisfiable'],
      ['bytes=0-1,20-30', 10, [{ from: 0, to: 2 }]],
      ['bytes=0-1,x', 10, 'unsatisfiable'],
      ['bytes=', 10, 'unsatisfiable'],
      ['bytes=,', 10, 'unsatisfiable'],
      ['bytes=-5', 0, 'whole'],
      ['items=0-1', 10, 'whole'],
      ['bytes=0-9,0-9', 10, 'whole'],
      ['bytes=99999999999999999999-', 10, 'unsatisfiable'],
      [`bytes=${'0-0,'.repeat(40)}0-0`, 1000, 'whole'],
    ] as const) {
      expect(parseRanges(header, size), header).to.deep.equal(expected);
    }
  });

  it('relativeUrl is one that stays in its folder', () => {
    expect(['a b', 'x/', 'a:b', '?', 'ä#', '//evil'].map(relativeUrl)).to.deep.equal([
      'a%20b',
      'x/',
      './a:b',
      '%3F',
      '%C3%A4%23',
      '//evil',
    ]);
  });
});
