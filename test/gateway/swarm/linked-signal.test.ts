import { expect } from 'chai';
import { linkSignal } from '../../../gateway/swarm/linked-signal.ts';

describe('linkSignal', () => {
  it('follows the other signal, with its reason', () => {
    const followed = new AbortController();
    const { signal } = linkSignal(followed.signal);
    expect(signal.aborted).to.equal(false);
    followed.abort(new Error('the client left'));
    expect(signal.reason).to.be.an('error').with.property('message', 'the client left');
  });

  it('is aborted from the start when the other one is', () => {
    expect(linkSignal(AbortSignal.abort('gone')).signal.reason).to.equal('gone');
  });

  it('hears nothing more once it is released', () => {
    const followed = new AbortController();
    const { signal, release } = linkSignal(followed.signal);
    release();
    followed.abort();
    expect(signal.aborted).to.equal(false);
  });
});
