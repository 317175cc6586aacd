import { expect } from 'chai';
import { type Ending, Lives } from '../../../gateway/workers/lives.ts';

describe('the lives of workers in one place', () => {
  let nowMs: number;
  let lives: Lives;

  beforeEach(() => {
    nowMs = 0;
    lives = new Lives(() => nowMs);
  });
  const live = (ms: number | 'never listens'): Ending => {
    lives.begin();
    if (ms !== 'never listens') {
      lives.listening();
      nowMs += ms;
    }
    return lives.end();
  };

  it('are followed by another at once after one that was long', () => {
    for (let count = 0; count < 20; count++) {
      expect(live(5000)).to.deep.equal({ kind: 'again', pauseMs: 0 });
    }
  });

  it('are hopeless when the first of all never listens', () => {
    expect(live('never listens')).to.deep.equal({ kind: 'hopeless', hasListened: false });
  });

  it('follow each other more slowly the more short ones there are in a row, and are hopeless in the end', () => {
    expect(live(1000)).to.deep.equal({ kind: 'again', pauseMs: 0 });
    expect(live(4999)).to.deep.equal({ kind: 'again', pauseMs: 100 });
    expect(live('never listens')).to.deep.equal({ kind: 'again', pauseMs: 200 });
    expect(live(0)).to.deep.equal({ kind: 'again', pauseMs: 400 });
    expect(live(0)).to.deep.equal({ kind: 'hopeless', hasListened: true });
  });

  it('are hopeful again after a long one', () => {
    for (let count = 0; count < 4; count++) live(0);
    expect(live(60_000)).to.deep.equal({ kind: 'again', pauseMs: 0 });
    expect(live(0)).to.deep.equal({ kind: 'again', pauseMs: 0 });
  });
});
