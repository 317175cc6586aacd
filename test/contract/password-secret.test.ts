import { expect } from 'chai';
import {
  nextVersionName,
  secretVersion,
  unversionedName,
  versionsOf,
} from '../../contract/password-secret.ts';

describe('versions of the password', () => {
  it('are the name itself, and the name with a number', () => {
    expect(secretVersion('pw', 'pw')).to.equal(1);
    expect(secretVersion('pw_v12', 'pw')).to.equal(12);
    for (const other of ['pw_v', 'pw_vault', 'pw_v2x', 'pw2', 'xpw_v2', 'pw_v2_v3', '']) {
      expect(secretVersion(other, 'pw'), other).to.equal(undefined);
    }
  });

  it('have a name without the number', () => {
    expect(unversionedName('pw_v12')).to.equal('pw');
    expect(unversionedName('pw_vault')).to.equal('pw_vault');
  });

  it('are sorted by number, not by letter', () => {
    expect(versionsOf(['pw', 'pw_v9', 'other', 'pw_v10'], 'pw')).to.deep.equal(['pw_v10', 'pw_v9', 'pw']);
  });

  it('go on after the newest, and begin with 2', () => {
    expect(nextVersionName(['pw', 'pw_v9', 'pw_v10'], 'pw')).to.equal('pw_v11');
    expect(nextVersionName(['pw'], 'pw')).to.equal('pw_v2');
    expect(nextVersionName([], 'pw')).to.equal('pw_v2');
  });
});
