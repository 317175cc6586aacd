import { expect } from 'chai';
import {
  chooseGateway,
  DEFAULT_GATEWAY,
  normaliseGateway,
  plainHttpWarning,
} from '../../cli/gateway-address.ts';

describe('chooseGateway', () => {
  const all = { flag: 'http://flag', stackFile: 'http://file', environment: 'http://env' };
  it('takes flag, stack file, environment, default, in this order', () => {
    expect(chooseGateway(all)).to.equal('http://flag');
    expect(chooseGateway({ ...all, flag: DEFAULT_GATEWAY })).to.equal('http://file');
    expect(chooseGateway({ ...all, flag: DEFAULT_GATEWAY, stackFile: DEFAULT_GATEWAY })).to.equal(
      'http://env',
    );
    expect(chooseGateway({ flag: DEFAULT_GATEWAY, stackFile: undefined, environment: '' })).to.equal(
      DEFAULT_GATEWAY,
    );
  });
});

describe('normaliseGateway', () => {
  for (const [address, expected] of [
    ['HTTP://Host:8080/', 'http://host:8080'],
    ['host:8080', 'http://host:8080'],
    ['127.0.0.1:8080//', 'http://127.0.0.1:8080'],
    ['https://host/base/', 'https://host/base'],
  ] as const) {
    it(`makes ${expected} of ${address}`, () => expect(normaliseGateway(address)).to.equal(expected));
  }
  for (const address of ['', 'ftp://host', 'http://', 'http://user:pw@host', 'http://a b']) {
    it(`refuses "${address}"`, () => expect(() => normaliseGateway(address)).to.throw(/gateway address/));
  }
});

describe('plainHttpWarning', () => {
  it('warns of http to another machine only', () => {
    const warned = (url: string, tlsNoVerify = false) => plainHttpWarning(url, { tlsNoVerify }) !== undefined;
    expect(warned('http://example.com')).to.equal(true);
    expect(warned('http://example.com', true)).to.equal(false);
    expect(warned('https://example.com')).to.equal(false);
    expect(warned('http://localhost:8080')).to.equal(false);
    expect(warned('http://127.0.0.1:8080')).to.equal(false);
  });
});
