import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import { DEFAULT_BUILD_LIMITS, receiveBuild } from '../../../gateway/build/build-request.ts';
import { FaasError, type FaasErrorCode } from '../../../gateway/errors.ts';
import { ownTemporaryFolder } from '../../support/own-temporary-folder.ts';
import { bodyOf, configEntry, type TarEntry, tarOf } from './build-tar.ts';

const CONFIG = configEntry({ image: 'team/fn:1', buildArgs: { A: 'b' } });
const DOCKERFILE: TarEntry = ['context/Dockerfile', 'FROM scratch'];

describe('receiving a build request', () => {
  ownTemporaryFolder();
  const receive = (body: Readable, limits = {}, signal = new AbortController().signal) =>
    receiveBuild(body, { ...DEFAULT_BUILD_LIMITS, ...limits }, signal);

  const refused = async (body: Readable, code: FaasErrorCode, limits = {}): Promise<string> => {
    const before = await leftovers();
    const error = await receive(body, limits).then(
      () => new Error('it was taken'),
      (cause: unknown) => cause,
    );
    if (!(error instanceof FaasError)) throw error;
    expect(error.code, error.message).to.equal(code);
    expect(await leftovers()).to.deep.equal(before);
    return error.message;
  };

  it('keeps the context in a file, with paths from its root, and removes it when done', async () => {
    const large = Buffer.alloc(3_000_000, 'x');
    const tar = await tarOf(
      [{ name: './', type: 'directory' }],
      CONFIG,
      [{ name: './context/', type: 'directory' }],
      ['./context/Dockerfile', 'FROM scratch'],
      [{ name: 'context/bin/run', mode: 0o755, uid: 501, uname: 'me' }, large],
      [{ name: 'context/bin/link', type: 'symlink', linkname: '../Dockerfile' }],
      [{ name: 'context/hard', type: 'link', linkname: 'context/Dockerfile' }],
      [`context/${'deep/'.repeat(40)}file`, 'ü'],
    );
    const received = await receive(bodyOf(tar));
    expect(received.config).to.deep.equal({
      image: 'team/fn:1',
      buildArgs: { A: 'b' },
      platforms: [],
      push: false,
    });
    const entries = await readTar(received.contextFile);
    expect(
      entries.map(({ name, type, size, linkname, mode, uid }) => [name, type, size, linkname, mode, uid]),
    ).to.deep.equal([
      ['Dockerfile', 'file', 12, null, 0o644, 0],
      ['bin/run', 'file', 3_000_000, null, 0o755, 0],
      ['bin/link', 'symlink', 0, '../Dockerfile', 0o644, 0],
      ['hard', 'link', 0, 'Dockerfile', 0o644, 0],
      [`${'deep/'.repeat(40)}file`, 'file', 2, null, 0o644, 0],
    ]);
    await received.dispose();
    expect(existsSync(received.contextFile)).to.equal(false);
  });

  it('takes the configuration after the context, too, and a body in pieces of any size', async () => {
    const tar = await tarOf(DOCKERFILE, CONFIG);
    for (const size of [1, 511, 512, 513]) {
      const received = await receive(bodyOf(tar, size));
      expect(received.config.image).to.equal('team/fn:1');
      await received.dispose();
    }
  });

  it('refuses a tar without configuration or without Dockerfile', async () => {
    expect(await refused(bodyOf(await tarOf(DOCKERFILE)), 'invalid_request')).to.include(
      'com.openfaas.docker.config',
    );
    expect(await refused(bodyOf(await tarOf(CONFIG)), 'invalid_request')).to.include('context/Dockerfile');
    const folder: TarEntry = [{ name: 'context/Dockerfile', type: 'directory' }];
    expect(await refused(bodyOf(await tarOf(CONFIG, folder)), 'invalid_request')).to.include(
      'context/Dockerfile',
    );
  });

  it('refuses what is no tar: nothing, text, one that is cut, compressed or not', async () => {
    const tar = await tarOf(CONFIG, DOCKERFILE, ['context/file', Buffer.alloc(5000)]);
    await refused(Readable.from([]), 'invalid_request');
    expect(await refused(bodyOf(Buffer.from('{"image":"x"}'.repeat(100))), 'invalid_request')).to.include(
      'tar',
    );
    await refused(bodyOf(tar.subarray(0, 4000)), 'invalid_request');
    await refused(bodyOf(gzipSync(tar).subarray(0, 100)), 'invalid_request');
    await refused(bodyOf(gzipSync(Buffer.from('no tar'.repeat(200)))), 'invalid_request');
    expect(await refused(bodyOf(Buffer.from([0x1f, 0x8b, 8, 0, 1])), 'invalid_request')).to.include('gzip');
  });

  for (const name of ['context/../../etc/passwd', '/context/file', '../file', 'context/a/../../../b']) {
    it(`refuses an entry named ${name}`, async () => {
      await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, [name, 'x'])), 'invalid_request');
    });
  }

  for (const linkname of ['/etc/passwd', '../../x', '..', 'a/../../../b']) {
    it(`refuses a symbolic link to ${linkname}`, async () => {
      const link: TarEntry = [{ name: 'context/link', type: 'symlink', linkname }];
      const message = await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, link)), 'invalid_request');
      expect(message).to.include('context/link');
    });
  }

  for (const [what, links] of [
    ['another link', { 'deep/a/b/up': '../../..', t: 'deep/a/b/up/../../etc/passwd' }],
    ['one that comes later', { t: 'up/../x', up: 'deep/../.' }],
    ['a chain', { a: 'b/../..', b: 'c/..', c: 'd/e' }],
  ] as const) {
    it(`refuses a symbolic link that leads out through ${what}`, async () => {
      const entries = Object.entries(links).map(
        ([path, linkname]): TarEntry => [{ name: `context/${path}`, type: 'symlink', linkname }],
      );
      const message = await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, ...entries)), 'invalid_request');
      expect(message).to.include('outside the build context');
    });
  }

  it('takes links through links that stay inside, also those that lead nowhere or in a circle', async () => {
    const links = { '.bin/x': '../pkg/cli.js', pkg: 'packages/pkg', round: 'round', 'a/b': '../no/where' };
    const entries = Object.entries(links).map(
      ([path, linkname]): TarEntry => [{ name: `context/${path}`, type: 'symlink', linkname }],
    );
    await (await receive(bodyOf(await tarOf(CONFIG, DOCKERFILE, ...entries)))).dispose();
  });

  it('refuses many links that each lead through many', async () => {
    const entries = Array.from({ length: 3000 }, (_, index): TarEntry => {
      const linkname = index === 0 ? `${'x/../'.repeat(100)}y` : `l0/../l${index - 1}`;
      return [{ name: `context/l${index}`, type: 'symlink', linkname }];
    });
    expect(await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, ...entries)), 'invalid_request')).to.include(
      'too many links',
    );
  });

  it('refuses a hard link to a link that leads out from where it is', async () => {
    const link: TarEntry = [{ name: 'context/a/up', type: 'symlink', linkname: '../Dockerfile' }];
    const hard: TarEntry = [{ name: 'context/h', type: 'link', linkname: 'context/a/up' }];
    const message = await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, link, hard)), 'invalid_request');
    expect(message).to.include('context/h').and.to.include('outside');
    const below: TarEntry = ['context/b/h/x', 'y'];
    const inside: TarEntry = [{ name: 'context/b/h', type: 'link', linkname: 'context/a/up' }];
    expect(
      await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, link, inside, below)), 'invalid_request'),
    ).to.include('which is a link');
  });

  it('refuses what no system unpacks, as the fault of who sent it', async () => {
    for (const [entry, reason] of [
      [[{ name: 'context/h', type: 'link', linkname: 'context/nothing' }], 'no file before it'],
      [[{ name: 'context/l', type: 'symlink', linkname: '' }], 'no path'],
      [[{ name: 'context/l', type: 'symlink', linkname: 'a\0b', pax: { linkpath: 'a\0b' } }], 'no path'],
      [[`context/${'n'.repeat(256)}`, 'x'], '255 bytes'],
      [[`context/${'ü'.repeat(128)}`, 'x'], '255 bytes'],
      [[`context/${'d/'.repeat(128)}x`, 'x'], '128 folders'],
      [['context/Dockerfile/x', 'y'], 'which is a file'],
    ] as const) {
      const message = await refused(
        bodyOf(await tarOf(CONFIG, DOCKERFILE, entry as TarEntry)),
        'invalid_request',
      );
      expect(message).to.include(reason);
    }
  });

  for (const type of ['2', '1']) {
    it(`refuses a link with content, type ${type}`, async () => {
      const tar = await tarOf(CONFIG, DOCKERFILE, ['context/l', 'x'.repeat(10)]);
      const header = tar.subarray(2048, 2560);
      header.write(type, 156);
      header.write('Dockerfile', 157);
      header.write('        ', 148);
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      expect(await refused(bodyOf(tar), 'invalid_request')).to.include('has content');
    });
  }

  it('passes over headers that are for all entries: copied for each, they would keep the gateway busy for hours', async () => {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = await Promise.all([
      tarOf([{ name: 'x', pax: { size: '999999999' } }]),
      tarOf(CONFIG, [{ name: 'context/Dockerfile', pax: { comment: 'own' } }, 'FROM scratch']),
    ]);
    const forAll = Buffer.from(first.subarray(0, 1024)); // the header alone, with its text
    forAll.write('g', 156);
    forAll.write('        ', 148);
    const sum = forAll.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    forAll.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await (await receive(bodyOf(Buffer.concat([forAll, second])))).dispose();
  });

  it('keeps no more of names than a limit', async () => {
    const name = (index: number): string => `context/${index}/${`${'n'.repeat(250)}/`.repeat(15)}x`;
    const tar = await tarOf(
      CONFIG,
      DOCKERFILE,
      ...Array.from(
        { length: 4500 },
        (_, index): TarEntry => [{ name: name(index), type: 'symlink', linkname: 't' }],
      ),
    );
    expect(await refused(bodyOf(tar, 1_000_003), 'body_too_large')).to.include('names');
  });

  it('takes a file in place of a folder, and the other way round', async () => {
    const entries: TarEntry[] = [
      ['context/a/b'],
      ['context/a', 'x'],
      [{ name: 'context/a', type: 'directory' }],
    ];
    await (await receive(bodyOf(await tarOf(CONFIG, DOCKERFILE, ...entries, ['context/a/c'])))).dispose();
    expect(
      await refused(
        bodyOf(await tarOf(CONFIG, DOCKERFILE, ...entries.slice(0, 2), ['context/a/c'])),
        'invalid_request',
      ),
    ).to.include('which is a file');
  });

  it('refuses hard links out of the context, devices and pipes', async () => {
    for (const header of [
      { name: 'context/x', type: 'link', linkname: 'com.openfaas.docker.config' },
      { name: 'context/x', type: 'fifo' },
      { name: 'context/x', type: 'character-device' },
    ] as const) {
      await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, [header])), 'invalid_request');
    }
  });

  it('takes the same compressed with gzip, in pieces of any size', async () => {
    const tar = await tarOf(CONFIG, DOCKERFILE, ['context/file', Buffer.alloc(3_000_000, 'x')]);
    for (const size of [1, 7, 10_007]) {
      const received = await receive(bodyOf(gzipSync(tar), size));
      expect((await readTar(received.contextFile)).map(({ name }) => name)).to.deep.equal([
        'Dockerfile',
        'file',
      ]);
      await received.dispose();
    }
  });

  it('refuses what unpacks to more than the limit as soon as it does, however small it came', async () => {
    const entries = gzipSync(await tarOf(CONFIG, DOCKERFILE, ['context/zeros', Buffer.alloc(20_000_000)]));
    const nothing = gzipSync(Buffer.alloc(20_000_000));
    const headers = gzipSync(await tarOf(...Array<TarEntry>(3000).fill(['context/x'])));
    for (const bomb of [entries, nothing, headers]) {
      expect(bomb.length).to.be.lessThan(100_000);
      const message = await refused(bodyOf(bomb), 'body_too_large', { unpackedBytes: 1_000_000 });
      expect(message).to.include('1000000 bytes');
    }
  });

  it('refuses a file that is larger than one may be, by its header, and names it', async () => {
    const tar = await tarOf(CONFIG, DOCKERFILE, ['context/model.bin', Buffer.alloc(5000)]);
    expect(await refused(bodyOf(tar), 'body_too_large', { fileBytes: 4999 })).to.include('context/model.bin');
  });

  it('hands sealed secrets on as they came', async () => {
    const received = await receive(
      bodyOf(await tarOf(CONFIG, ['com.openfaas.secrets', 'sealed'], DOCKERFILE)),
    );
    expect(received.sealedSecrets).to.equal('sealed');
    await received.dispose();
  });

  it('refuses entries it does not know, saying so', async () => {
    expect(await refused(bodyOf(await tarOf(CONFIG, ['Dockerfile', 'x'])), 'invalid_request')).to.include(
      'context/',
    );
  });

  it('refuses an entry below a link, and a hard link through one: both are somewhere else than they say', async () => {
    const link: TarEntry = [{ name: 'context/a', type: 'symlink', linkname: 'b' }];
    for (const entry of [
      ['context/a/file', 'x'],
      [{ name: 'context/a/up', type: 'symlink', linkname: '..' }],
      [{ name: 'context/c', type: 'link', linkname: 'context/a/file' }],
    ] as const) {
      const message = await refused(bodyOf(await tarOf(CONFIG, DOCKERFILE, link, entry)), 'invalid_request');
      expect(message).to.include('which is a link');
    }
  });

  it('says a name of the sender on one line and no longer than a line', async () => {
    const long = await refused(
      bodyOf(await tarOf(CONFIG, [`context/${'x'.repeat(5000)}`])),
      'invalid_request',
    );
    expect(long.length).to.be.lessThan(500);
    const odd = await refused(bodyOf(await tarOf(CONFIG, ['no\nsuch\u001b[31m'])), 'invalid_request');
    for (const raw of ['\n', '\u001b']) expect(odd).not.to.contain(raw);
  });

  it('refuses more bytes or more entries than the limits, and more configuration than makes sense', async () => {
    const tar = await tarOf(CONFIG, DOCKERFILE, ['context/file', Buffer.alloc(200_000)]);
    await refused(bodyOf(tar), 'body_too_large', { bytes: 100_000 });
    await refused(bodyOf(tar), 'body_too_large', { entries: 2 });
    await refused(bodyOf(await tarOf(configEntry(' '.repeat(1024 * 1024 + 1)))), 'body_too_large');
  });

  it('leaves a refused request undestroyed, so that it can be answered', async () => {
    const body = bodyOf(await tarOf(['what', Buffer.alloc(500_000)]));
    await refused(body, 'invalid_request');
    expect(body.destroyed).to.equal(false);
  });

  it('ends when the client goes away in the middle', async () => {
    const tar = await tarOf(CONFIG, DOCKERFILE, ['context/file', Buffer.alloc(200_000)]);
    const body = new Readable({ read: () => {} });
    const result = refused(body, 'invalid_request');
    body.push(tar.subarray(0, 50_000));
    body.destroy();
    expect(await result).to.include('broke off');
  });

  it('ends when the signal aborts while nothing comes', async () => {
    const controller = new AbortController();
    const result = receive(new Readable({ read: () => {} }), {}, controller.signal);
    controller.abort(new Error('gone'));
    expect(await result.catch((error: Error) => error.message)).to.equal('gone');
  });
});

async function leftovers(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('skep-build-')).sort();
}

async function readTar(path: string) {
  const reader = extract();
  reader.end(readFileSync(path));
  const headers = [];
  for await (const entry of reader) {
    headers.push(entry.header);
    entry.resume();
  }
  return headers;
}
