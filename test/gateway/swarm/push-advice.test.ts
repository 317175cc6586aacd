import { expect } from 'chai';
import { withAdvice } from '../../../gateway/swarm/push-image.ts';

describe('why a registry did not take an image', () => {
  const login = { username: 'anna', password: 'secret' };
  for (const [sentence, advice] of [
    [
      'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
      /^nothing answers at the registry r.example: is it running\?/,
    ],
    [
      'Get "http://127.0.0.1:5000/v2/": EOF',
      /^the registry r.example hung up: does it run, behind what forwards to it\?/,
    ],
    ['write tcp 127.0.0.1:1->127.0.0.1:5000: write: broken pipe', /^the registry r.example hung up/],
    ['dial tcp: lookup r.example: no such host', /^there is no registry r.example/],
    ['http: server gave HTTP response to HTTPS client', /has no TLS/],
    ['x509: certificate signed by unknown authority', /does not trust the certificate/],
    [
      'received unexpected HTTP status: 500 Internal Server Error',
      /^the registry r.example failed by itself: its log says why; often its disk is full/,
    ],
    ['no space left on device', /the disk of the registry r.example is full/],
  ] as const) {
    it(`is told with what to do, and with what the engine said: ${sentence.slice(0, 50)}`, () => {
      const told = withAdvice(sentence, 'r.example', undefined);
      expect(told).to.match(advice);
      expect(told).to.contain(`(${sentence})`);
    });
  }

  it('names who was refused, never the password', () => {
    const told = withAdvice('denied: requested access to the resource is denied', 'r.example', login);
    expect(told).to.contain('does not let anna push').and.not.contain('secret');
    expect(withAdvice('unauthorized', 'r.example', undefined)).to.contain('has none for it');
  });

  it('is what the engine said where nothing better is known', () => {
    expect(withAdvice('something new', 'r.example', undefined)).to.equal('something new');
  });
});
