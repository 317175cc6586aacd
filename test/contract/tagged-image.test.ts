import { expect } from 'chai';
import { checkImage, namesRegistry, parseTagFormat, taggedImage } from '../../contract/tagged-image.ts';

const facts = { sha: 'abc1234', branch: 'fix/it', describe: 'v1-2-gabc', digest: 'd41d8' };

describe('taggedImage', () => {
  for (const [image, format, expected] of [
    ['fn', 'latest', 'fn:latest'],
    ['fn:1.0', 'latest', 'fn:1.0'],
    ['r:5000/fn', 'latest', 'r:5000/fn:latest'],
    ['fn', 'sha', 'fn:latest-abc1234'],
    ['fn:1.0', 'sha', 'fn:1.0-abc1234'],
    ['fn:1.0', 'branch', 'fn:1.0-fix-it-abc1234'],
    ['fn', 'describe', 'fn:latest-v1-2-gabc'],
    ['r:5000/fn:1.0', 'digest', 'r:5000/fn:d41d8'],
  ] as const) {
    it(`makes ${expected} of ${image} with --tag=${format}`, () => {
      expect(taggedImage(image, format, facts)).to.equal(expected);
    });
  }
  it('refuses a format whose fact is missing', () => {
    expect(() => taggedImage('fn', 'sha', {})).to.throw('no value');
  });
  it('refuses to change an image pinned by digest', () => {
    expect(() => taggedImage('fn@sha256:00', 'sha', facts)).to.throw('pinned by digest');
  });
  it('refuses an unknown format, naming those there are', () => {
    expect(() => parseTagFormat('md5')).to.throw('latest, sha, branch, describe, digest');
  });
});

describe('namesRegistry', () => {
  for (const image of ['r.example/a', 'r:5000/a', 'localhost/a', '127.0.0.1:5000/a/b']) {
    it(`sees the registry of ${image}`, () => expect(namesRegistry(image)).to.equal(true));
  }
  for (const image of ['a', 'a:1.0', 'user/a', 'user/a:1.0', '']) {
    it(`sees none in "${image}"`, () => expect(namesRegistry(image)).to.equal(false));
  }
});

describe('checkImage', () => {
  for (const image of ['a', 'a:1', 'r:5000/u/a_b-c.d:V1', 'a/b', `a@sha256:${'0'.repeat(64)}`]) {
    it(`accepts ${image}`, () => checkImage(image, 'fn'));
  }
  for (const image of [
    '',
    'Hello',
    'Me/a',
    'a b',
    '-a',
    'a:',
    'a/',
    '--privileged',
    'a:b:c',
    `${'a'.repeat(600)}`,
  ]) {
    it(`refuses "${image.slice(0, 20)}"`, () => {
      expect(() => checkImage(image, 'fn')).to.throw('fn');
    });
  }
});
