import { expect } from 'chai';
import { CallMarks } from '../../../gateway/data-plane/call-marks.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function linesOf(marks: CallMarks): string {
  let text = '';
  marks.write({
    text: (more) => {
      text += more;
    },
    range: (bytes, start, end) => {
      text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    },
  });
  return text;
}

describe('the marks of a call', () => {
  it('are a random UUID and the time it came in nanoseconds', () => {
    const before = Date.now();
    const marks = new CallMarks(undefined, performance.now());
    expect(marks.id).to.match(UUID);
    expect(Number(marks.startTime) / 1e6).to.be.within(before - 5, Date.now() + 5);
    expect(marks.startTime).to.match(/^[0-9]{16}000$/);
    expect(linesOf(marks)).to.equal(`X-Call-Id: ${marks.id}\r\nX-Start-Time: ${marks.startTime}\r\n`);
  });

  it('tell the time of day, as it is after the clock was set, too', () => {
    const { now } = Date;
    const at = performance.now();
    const told = (ms: number): number => Number(new CallMarks(undefined, ms).startTime) / 1e6;
    told(at - 5000); // whenever others looked at the clock before: it is looked at now
    const before = told(at);
    try {
      Date.now = () => now() + 3_600_000;
      expect(told(at + 500) - before, 'a moment later').to.be.closeTo(500, 5);
      expect(told(at + 2000) - before).to.be.closeTo(3_602_000, 5);
    } finally {
      Date.now = now;
      told(at + 4000); // as it was
    }
  });

  it('stay the same however often and in whatever turn they are written', () => {
    const [a, b] = [new CallMarks(undefined, 1), new CallMarks(undefined, 2)];
    const [first, second] = [linesOf(a), linesOf(b)];
    expect(linesOf(a)).to.equal(first);
    expect(linesOf(b)).to.equal(second);
    expect(a.id).to.not.equal(b.id);
  });

  it('are never twice the same', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => new CallMarks(undefined, 0).id));
    expect(ids.size).to.equal(10_000);
    for (const id of ids) expect(UUID.test(id)).to.equal(true);
  });

  it('tell every time right to its last digit', () => {
    for (let ms = 0; ms < 100_000_000; ms += 98_765.432) {
      const marks = new CallMarks(undefined, ms);
      expect(linesOf(marks)).to.contain(`X-Start-Time: ${marks.startTime}\r\n`);
    }
  });

  it('have the id that the client gave, unless that is empty', () => {
    const marks = new CallMarks('mine', 5);
    expect(marks.id).to.equal('mine');
    expect(linesOf(marks)).to.equal(`X-Call-Id: mine\r\nX-Start-Time: ${marks.startTime}\r\n`);
    expect(new CallMarks('', 5).id).to.match(UUID);
  });
});
