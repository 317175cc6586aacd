import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawPeer } from '../../http1/raw-peer.ts';
import { peakMegabytes, until } from '../start-watchdog.ts';
import { describeContract, post, type Subject } from './contract.ts';

let base = '';

/** A folder `public` with something of everything, beside a secret. */
function makeSite(): string {
  base = mkdtempSync(join(tmpdir(), 'skep-static-'));
  const site = join(base, 'public');
  mkdirSync(join(site, 'docs', 'deep'), { recursive: true });
  mkdirSync(join(site, 'list', 'inner'), { recursive: true });
  writeFileSync(join(base, 'secret.txt'), 'secret');
  writeFileSync(join(site, 'index.html'), '<h1>home</h1>\n');
  writeFileSync(join(site, 'docs', 'index.html'), '<h1>docs</h1>\n');
  writeFileSync(join(site, 'docs', 'a b.txt'), 'hello world');
  writeFileSync(join(site, 'data.json'), '{}');
  writeFileSync(join(site, 'page'), '<!DOCTYPE html><p>sniffed');
  writeFileSync(join(site, 'empty.txt'), '');
  writeFileSync(join(site, 'list', `<i>&'".txt`), 'x');
  writeFileSync(join(site, 'list', 'a:b'), 'x');
  utimesSync(join(site, 'data.json'), 1_700_000_000, 1_700_000_000);
  symlinkSync('data.json', join(site, 'inside.json'));
  symlinkSync('../secret.txt', join(site, 'outside.txt'));
  symlinkSync('..', join(site, 'up'));
  return site;
}

function serveSite(start: Subject['start']): ReturnType<Subject['start']> {
  return start({ mode: 'static', static_path: makeSite() });
}

/** The target goes out as it stands: no client of ours tidies it. */
async function rawGet(url: string, target: string): Promise<string> {
  const peer = await RawPeer.connect(Number(new URL(url).port));
  peer.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  return peer.untilEnd();
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

const GIB = 1_073_741_824;
const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';

describeContract('of-watchdog', 'mode static', ({ it, differs }) => {
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('serves files with type, length and date, whatever the verb', async ({ start }) => {
    const { url } = await serveSite(start);
    const response = await fetch(`${url}/data.json`);
    expect([response.status, await response.text()]).to.deep.equal([200, '{}']);
    expect(Object.fromEntries(response.headers)).to.include({
      'content-type': 'application/json', 'content-length': '2', 'last-modified': DATE, 'accept-ranges': 'bytes',
    }); // biome-ignore format: a table
    expect(await (await fetch(`${url}/docs/a%20b.txt`)).text()).to.equal('hello world');
    expect(await (await post(`${url}/docs/a%20b.txt`, 'ignored')).text()).to.equal('hello world');
    const head = await fetch(`${url}/docs/a%20b.txt`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), await head.text()]).to.deep.equal(['11', '']);
    expect(await (await fetch(`${url}/empty.txt`)).text()).to.equal('');
    expect((await fetch(`${url}/page`)).headers.get('content-type')).to.equal('text/html; charset=utf-8');
  });

  it('follows links that stay inside', async ({ start }) => {
    const { url } = await serveSite(start);
    expect(await (await fetch(`${url}/inside.json`)).text()).to.equal('{}');
  });

  it('serves index.html for its folder, and sends who asks for it by name there', async ({ start }) => {
    const { url } = await serveSite(start);
    expect(await (await fetch(`${url}/`)).text()).to.contain('home');
    expect(await (await fetch(`${url}/docs/`)).text()).to.contain('docs');
    for (const [path, to] of [
      ['/index.html', './'],
      ['/docs/index.html?x=1', './?x=1'],
      ['/docs', 'docs/'],
      ['/docs?x=1', 'docs/?x=1'],
      ['/data.json/', '../data.json'],
    ]) {
      // biome-ignore format: a table
      const response = await fetch(`${url}${path}`, { redirect: 'manual' });
      expect([path, response.status, response.headers.get('location')]).to.deep.equal([path, 301, to]);
    }
  });

  it('lists a folder without index.html, escaped', async ({ start }) => {
    const { url } = await serveSite(start);
    const response = await fetch(`${url}/list/`);
    expect(response.headers.get('content-type')).to.equal('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).to.contain('<a href="./a:b">a:b</a>').and.to.contain('<a href="inner/">inner/</a>');
    expect(page).to.contain('>&lt;i&gt;&amp;&#39;&#34;.txt</a>').and.not.to.contain('<i>');
    for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) {
      expect(
        (await fetch(new URL(href.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), `${url}/list/`))).status,
      ).to.equal(200);
    }
  });

  it('answers 404 in words for what is not there', async ({ start }) => {
    const { url } = await serveSite(start);
    for (const path of ['/nope', '/data.json/x', '/nope/', '/docs/%00', '/%ff']) {
      const response = await fetch(`${url}${path}`);
      expect([path, response.status, await response.text()]).to.deep.equal([
        path,
        404,
        '404 page not found\n',
      ]);
    }
  });

  it('lets nobody out of its folder by dots, plain or escaped', async ({ start }) => {
    const { url } = await serveSite(start);
    for (const target of [
      '/../secret.txt',
      '/docs/../../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/docs/..%2f..%2fsecret.txt',
      '/....//secret.txt',
      '/..\\secret.txt',
      '/.%2e/secret.txt',
      '//secret.txt',
      '/%252e%252e/secret.txt',
    ]) {
      // biome-ignore format: a table
      const answer = await rawGet(url, target);
      expect(answer, target).to.match(/^HTTP\/1\.1 (404|301|307|400) /);
      expect(answer, target).not.to.match(/\r\n\r\nsecret/);
    }
    expect(await rawGet(url, '/%zz')).to.match(/^HTTP\/1\.1 400 /);
  });

  differs('links that lead out', 'does not follow links out of its folder', async ({ start }) => {
    const { url } = await serveSite(start);
    for (const path of ['/outside.txt', '/up/secret.txt', '/up/', '/up/public/data.json']) {
      // The last one leads back in: where a path ends is what counts.
      const status = path.endsWith('data.json') ? 200 : 404;
      expect([path, (await fetch(`${url}${path}`)).status]).to.deep.equal([path, status]);
    }
  });

  differs('path as it came', 'resolves dots and empty names by itself', async ({ start }) => {
    const { url } = await serveSite(start);
    expect(await rawGet(url, '/docs//../data.json')).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{\}$/);
  });

  it('sends a part, several parts, or 416', async ({ start }) => {
    const { url } = await serveSite(start);
    const ask = (range: string): Promise<Response> =>
      fetch(`${url}/docs/a%20b.txt`, { headers: { Range: range } });
    for (const [range, place, text] of [
      ['bytes=0-4', '0-4', 'hello'],
      ['bytes=6-', '6-10', 'world'],
      ['bytes=-5', '6-10', 'world'],
      ['bytes=6-999', '6-10', 'world'],
      ['bytes=-999', '0-10', 'hello world'],
    ] as const) {
      // biome-ignore format: a table
      const response = await ask(range);
      expect([range, response.status, await response.text()]).to.deep.equal([range, 206, text]);
      expect(response.headers.get('content-range')).to.equal(`bytes ${place}/11`);
      expect(response.headers.get('content-length')).to.equal(String(text.length));
    }
    const several = await ask('bytes=0-0, 10-');
    expect(several.status).to.equal(206);
    const [, boundary = ''] =
      /^multipart\/byteranges; boundary=(\S+)$/.exec(several.headers.get('content-type') ?? '') ?? [];
    const part = (place: string, text: string): string =>
      `--${boundary}\r\nContent-Range: bytes ${place}/11\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n`;
    const text = await several.text();
    expect(text).to.equal(`${part('0-0', 'h')}${part('10-10', 'd')}--${boundary}--\r\n`);
    expect(several.headers.get('content-length')).to.equal(String(text.length));
    for (const range of ['bytes=11-', 'bytes=5-4', 'bytes=x', 'bytes=-']) {
      expect([range, (await ask(range)).status]).to.deep.equal([range, 416]);
    }
    expect((await ask('bytes=99-')).headers.get('content-range')).to.equal('bytes */11');
    expect((await ask('bytes=0-9,0-9,0-9')).status, 'more than the whole').to.equal(200);
  });

  differs('unknown unit', 'ignores a range in a unit that it does not know', async ({ start }) => {
    const { url } = await serveSite(start);
    expect((await fetch(`${url}/data.json`, { headers: { Range: 'lines=1-2' } })).status).to.equal(200);
  });

  it('answers 304 and 412 to conditions on the date', async ({ start }) => {
    const { url } = await serveSite(start);
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/data.json`, { headers });
    for (const [headers, status] of [
      [{ 'If-Modified-Since': DATE }, 304],
      [{ 'If-Modified-Since': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 200],
      [{ 'If-Modified-Since': 'soon' }, 200],
      [{ 'If-Unmodified-Since': DATE }, 200],
      [{ 'If-Unmodified-Since': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 412],
      [{ 'If-None-Match': '*' }, 304],
      [{ 'If-None-Match': '"other"', 'If-Modified-Since': DATE }, 200],
      [{ 'If-Match': '"other"' }, 412],
      [{ Range: 'bytes=0-0', 'If-Range': DATE }, 206],
      [{ Range: 'bytes=0-0', 'If-Range': 'Tue, 14 Nov 2023 22:13:19 GMT' }, 200],
    ] as const) {
      // biome-ignore format: a table
      expect([headers, (await ask(headers as unknown as Record<string, string>)).status]).to.deep.equal([headers, status]);
    }
  });

  differs('ETag', 'names each version of a file, and knows it again', async ({ start }) => {
    const { url } = await serveSite(start);
    const etag = (await fetch(`${url}/data.json`)).headers.get('etag') ?? '';
    expect(etag).to.match(/^"[^"]+"$/);
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/data.json`, { headers });
    const same = await ask({ 'If-None-Match': `"x", W/${etag}` });
    expect([same.status, same.headers.get('etag'), await same.text()]).to.deep.equal([304, etag, '']);
    expect((await ask({ 'If-Match': etag })).status).to.equal(200);
    expect((await ask({ 'If-Match': `W/${etag}` })).status).to.equal(412);
    expect((await ask({ Range: 'bytes=0-0', 'If-Range': etag })).status).to.equal(206);
    expect((await ask({ Range: 'bytes=0-0', 'If-Range': '"other"' })).status).to.equal(200);
    utimesSync(join(base, 'public', 'data.json'), 1_700_000_000, 1_700_000_000.5);
    expect((await ask({ 'If-None-Match': etag })).status).to.equal(200);
  });

  it('sends a file of 1 GiB with less than 150 MB of memory, and leaves no file open', async ({ start }) => {
    const { url, process: watchdog } = await serveSite(start);
    truncateSync(join(base, 'public', 'empty.txt'), GIB);
    const port = Number(new URL(url).port);
    const openFiles = (): number =>
      readdirSync(`/proc/${watchdog.pid}/fd`).filter((fd) =>
        linkOf(`/proc/${watchdog.pid}/fd/${fd}`).startsWith(base),
      ).length;
    for (let i = 0; i < 20; i++) {
      const leaver = await RawPeer.connect(port);
      leaver.send('GET /empty.txt HTTP/1.1\r\nHost: a\r\n\r\n');
      await leaver.untilReceived('\r\n\r\n');
      leaver.destroy();
    }
    const client = await RawPeer.connect(port);
    client.keeps = false;
    client.send('GET /empty.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.untilEnd();
    expect(client.receivedBytes).to.be.above(GIB);
    expect(peakMegabytes(watchdog.pid)).to.be.below(150);
    await until(() => openFiles() === 0, 'all files are closed');
  });

  differs('start failure', 'does not start without its folder', async ({ start }) => {
    const watchdog = await start({ mode: 'static', static_path: '/no-such-folder' }, { waits: false });
    expect(await watchdog.exited()).to.equal(1);
    expect(watchdog.log()).to.contain('static_path=/no-such-folder');
  });
});
