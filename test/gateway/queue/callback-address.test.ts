import { expect } from 'chai';
import { CallbackAddresses, parseCallbackAllow } from '../../../gateway/queue/callback-address.ts';

const rules = (allow = '', ownNetworks: readonly string[] = []): CallbackAddresses =>
  new CallbackAddresses({ allow: parseCallbackAllow(allow), ownNetworks });

describe('addresses that a callback may go to', () => {
  const INTERNAL = [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.1.5',
    '172.18.0.1',
    '192.168.1.1',
    '100.100.100.200',
    '168.63.129.16',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
    '2001:0:7f00:1::1',
  ];
  for (const address of INTERNAL) {
    it(`are not ${address}`, () => expect(rules().isAllowed(address)).to.equal(false));
  }

  for (const address of ['8.8.8.8', '172.32.0.1', '169.253.0.1', '2606:4700::1', '::ffff:8.8.8.8']) {
    it(`may be ${address}`, () => expect(rules().isAllowed(address)).to.equal(true));
  }

  for (const address of ['', 'localhost', '1.2.3', '0x7f.1', '1.2.3.4.5', ':::']) {
    it(`are not what is no address: ${JSON.stringify(address)}`, () => {
      expect(rules().isAllowed(address)).to.equal(false);
    });
  }

  it('are not those of networks that the platform has', () => {
    const own = rules('', ['11.0.0.0/24', '2606:4700::/64']);
    expect(['11.0.0.7', '2606:4700::7', '11.0.1.7'].map((one) => own.isAllowed(one))).to.deep.equal([
      false,
      false,
      true,
    ]);
  });

  it('are those that the operator opens', () => {
    const some = rules('192.168.7.0/24, 10.1.2.3, fd00:1::/64');
    for (const address of ['192.168.7.9', '::ffff:192.168.7.9', '10.1.2.3', 'fd00:1::5']) {
      expect(some.isAllowed(address), address).to.equal(true);
    }
    for (const address of ['192.168.8.1', '10.1.2.4', '127.0.0.1', 'fd00:2::1']) {
      expect(some.isAllowed(address), address).to.equal(false);
    }
  });

  it('are all of a name that the operator opens, and of names below it where a star says so', () => {
    const some = rules('Hooks.internal,*.corp.example');
    for (const name of ['hooks.internal', 'HOOKS.internal.', 'a.corp.example', 'a.b.corp.example']) {
      expect(some.isNameAllowed(name), name).to.equal(true);
    }
    for (const name of ['xhooks.internal', 'a.hooks.internal', 'corp.example', 'evilcorp.example', '']) {
      expect(some.isNameAllowed(name), name).to.equal(false);
    }
  });

  it('are refused at once where the URL itself has them, however they are written', () => {
    const refused = (url: string): boolean => rules().isRefusedLiteral(new URL(url).hostname);
    for (const url of [
      'http://127.0.0.1/',
      'http://0x7f.1/',
      'http://2130706433/',
      'http://017700000001/',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://localhost:8080/',
      'http://LOCALHOST./',
      'http://a.localhost/',
      'http://１２７.0.0.1/',
    ]) {
      expect(refused(url), url).to.equal(true);
    }
    for (const url of [
      'http://8.8.8.8/',
      'https://example.com/',
      'http://gateway:8080/',
      'http://[2606::1]/',
    ]) {
      expect(refused(url), url).to.equal(false);
    }
  });

  for (const text of [
    '10.0.0.0/33',
    '::/129',
    '1.2.3',
    'a b',
    '10.0.0.0/8/8',
    'http://x',
    '*',
    'a..b',
    '-a',
  ]) {
    it(`cannot be opened by ${text}`, () => expect(() => parseCallbackAllow(text)).to.throw(text));
  }
});
