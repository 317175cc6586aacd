import { expect } from 'chai';
import { type Accepted, judge, type Run } from './verdict.ts';

/** What decides over everybody else is decided here itself. */
describe('the verdict over calls that were accepted', () => {
  const call: Accepted = { token: 'a', id: 'id-a', kind: 'plain', functions: ['f'], isCalledBack: false };
  const run: Run = { token: 'a', function: 'f', callId: 'id-a', isWhole: true, beganAt: 5000, endedAt: 5100 };
  const later: Run = { ...run, beganAt: 9000, endedAt: 9100 };

  it('is content with one execution of each', () => {
    const { missing, wrong, unexplained, unclaimed } = judge([call], [run], [], []);
    expect({ missing, wrong, unexplained, unclaimed }).to.deep.equal({
      missing: [],
      wrong: [],
      unexplained: [],
      unclaimed: 0,
    });
  });

  it('misses a call that one of its functions never ran', () => {
    const { missing } = judge([{ ...call, functions: ['f', 'g'] }], [run], [], []);
    expect(missing).to.deep.equal(['a (plain) g']);
  });

  it('sees a body that did not come whole, and an id that is another one', () => {
    expect(judge([call], [{ ...run, isWhole: false }], [], []).wrong).to.have.length(1);
    expect(judge([call], [{ ...run, callId: 'id-b' }], [], []).wrong).to.have.length(1);
  });

  it('asks of each further execution what was killed during the one before', () => {
    const killed = { what: 'worker', from: 5050, to: 5060 };
    expect([...judge([call], [run, later], [], [killed]).again]).to.deep.equal([['worker', 1]]);
    const { again, unexplained } = judge([call], [run, later], [], [{ ...killed, from: 8000, to: 8100 }]);
    expect(again.size).to.equal(0);
    expect(unexplained).to.have.length(1);
  });

  it('counts until the next one when the end was never told', () => {
    const { endedAt: _never, ...begun } = run;
    expect(judge([call], [begun, later], [], [{ what: 'function', from: 8000, to: 8100 }]).unexplained).to.be
      .empty;
  });

  it('misses a callback, and counts those that came again', () => {
    const called = { ...call, isCalledBack: true };
    const seen = { token: 'a', callId: 'id-a', status: '200' };
    expect(judge([called], [run], [], []).notCalledBack).to.deep.equal(['a (plain)']);
    expect(judge([called], [run], [seen, seen], []).callbacksAgain).to.equal(1);
  });

  it('counts executions of calls that nobody was told were accepted', () => {
    expect(judge([], [run], [], []).unclaimed).to.equal(1);
  });
});
