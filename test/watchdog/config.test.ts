import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../watchdog/config.ts';

const http = { mode: 'http', fprocess: 'node index.js', upstream_url: 'http://127.0.0.1:3000' };

describe('the configuration of the watchdog', () => {
  it('is documented, every variable of it', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/watchdog.md'), 'utf8');
    const documented = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([A-Za-z_]+)`/g)].map(([, name]) => name));
    const read = new Set<string>();
    const env = new Proxy<Record<string, string | undefined>>(
      { fprocess: 'cat' },
      {
        get(target, key: string) {
          read.add(key);
          return target[key];
        },
      },
    );
    loadConfig(env);
    expect([...read].filter((name) => !documented.includes(name))).to.deep.equal([]);
  });

  it('is the classic one where no mode is named', () => {
    const { mode, execTimeoutMs, contentType } = loadConfig({ fprocess: 'cat' });
    expect({ mode, execTimeoutMs, contentType }).to.deep.equal({
      mode: 'fork',
      execTimeoutMs: 0,
      contentType: undefined,
    });
  });

  it("has of-watchdog's defaults in its modes", () => {
    for (const mode of ['serializing', 'streaming', 'http', 'static']) {
      const config = loadConfig({ ...http, mode });
      expect(config.execTimeoutMs).to.equal(30_000);
      expect(config.contentType).to.equal('application/octet-stream');
      expect(config.staticPath).to.equal('/home/app/public');
      expect(config.logLineBytes).to.equal(65_536);
      expect(config.prefixLogs).to.equal(true);
    }
  });

  it('takes both spellings, and says which one wins', () => {
    const config = loadConfig({
      mode: 'http',
      fprocess: 'a',
      function_process: 'b c',
      upstream_url: 'http://127.0.0.1:1',
      http_upstream_url: 'http://[::1]:2/base/',
      buffer_http: '1',
      log_call_id: 'true',
    });
    expect(config.command).to.deep.equal(['b', 'c']);
    expect(config.upstream).to.deep.equal({ address: { hostname: '::1', port: 2 }, basePath: '/base' });
    expect(config.bufferRequestBody).to.equal(true);
    expect(config.logCallId).to.equal(true);
  });

  it("takes 1 for true in of-watchdog's modes only", () => {
    expect(loadConfig({ ...http, suppress_lock: '1' }).suppressLock).to.equal(true);
    expect(() => loadConfig({ fprocess: 'cat', suppress_lock: '1' })).to.throw('suppress_lock=1');
    expect(() => loadConfig({ ...http, suppress_lock: 'yes' })).to.throw('suppress_lock=yes');
    expect(loadConfig({ ...http, prefix_logs: 'F' }).prefixLogs).to.equal(false);
  });

  it('needs no process in mode static', () => {
    expect(loadConfig({ mode: 'static' }).command).to.deep.equal([]);
  });

  it('names everything that a mode lacks or that is wrong, in one message', () => {
    const env = {
      mode: 'http',
      write_timeout: '0',
      log_buffer_size: 'big',
      prefix_logs: 'no',
      ready_path: 'ready',
      buffer_http: 'on',
      exec_timeout: '-1s',
    };
    let message = '';
    try {
      loadConfig(env);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const part of [
      'provide a "function_process" or "fprocess"',
      'upstream_url: mode http needs it',
      'write_timeout=0',
      'log_buffer_size=big',
      'prefix_logs=no',
      'ready_path=ready',
      'buffer_http=on',
      'exec_timeout=-1s',
    ]) {
      expect(message).to.contain(part);
    }
  });

  it('refuses an upstream that is no plain HTTP URL', () => {
    for (const url of [
      '127.0.0.1:3000',
      'https://127.0.0.1:1',
      'ftp://a',
      'http://u:p@a',
      'http://a/?b=1',
      'http://a:99999',
    ]) {
      expect(() => loadConfig({ ...http, upstream_url: url }), url).to.throw(`upstream_url=${url}`);
    }
  });

  it('refuses modes that nobody implements', () => {
    for (const mode of ['afterburn', 'inproc', 'HTTP', 'classic']) {
      expect(() => loadConfig({ ...http, mode })).to.throw(`mode=${mode}`);
    }
  });
});
