import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { expect } from 'chai';
import { isAlive, temporaryPath, until } from '../start-watchdog.ts';
import { type ContractCases, describeContract, post } from './contract.ts';

/** What holds for both of of-watchdog's modes with a process per request. */
function forkMode({ it, differs }: ContractCases, mode: 'serializing' | 'streaming'): void {
  it('gives the body on stdin and answers what the process wrote, whatever the verb', async ({ start }) => {
    const { url, logged } = await start({ mode, fprocess: 'cat' });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
      const response = await fetch(url, { method, body: method });
      expect([response.status, await response.text()]).to.deep.equal([200, method]);
      expect(response.headers.get('content-type')).to.equal('application/octet-stream');
    }
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).to.deep.equal([200, '']);
    expect(await logged('PURGE / - 200 -')).to.match(/POST \/ - 200 - ContentLength: 4B \(\d+\.\d{4}s\)\n/);
  });

  it('takes the command from function_process before fprocess', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'no-such-program', function_process: 'cat' });
    expect(await (await post(url, 'x')).text()).to.equal('x');
  });

  it('gives every answer the configured type', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'cat', content_type: 'application/json' });
    const response = await post(url, '{}', { 'Content-Type': 'text/plain' });
    expect(response.headers.get('content-type')).to.equal('application/json');
  });

  it('hands over headers, method, path and query, and neither host nor length by itself', async ({
    start,
  }) => {
    const { url } = await start({ mode, fprocess: 'env', OWN: 'kept', cgi_headers: 'false' });
    const lines = (await (await post(`${url}/a%20b?x=1`, 'abc', { 'X-Call-Id': 'id-1' })).text()).split('\n');
    expect(lines).to.include.members([
      'Http_Path=/a b', 'Http_Query=x=1', 'Http_Method=POST', 'Http_X_Call_Id=id-1', 'Http_Content_Length=3', 'OWN=kept',
    ]); // biome-ignore format: a table
    const plain = await (await fetch(url)).text();
    expect(plain).not.to.match(/^Http_(Host|ContentLength|Content_Length|Query|Transfer_Encoding)=/m);
    expect(plain).to.match(/^Http_Path=\/$/m);
  });

  it('names the coding of a body of unknown length', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'env' });
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('abc'));
        controller.close();
      },
    });
    const text = await (await fetch(url, { method: 'POST', body })).text();
    expect(text).to.match(/^Http_Transfer_Encoding=chunked$/m);
    expect(text).not.to.match(/^Http_Content_?Length=/m);
  });

  differs(
    'Proxy header',
    'keeps a Proxy header from becoming a setting of HTTP clients',
    async ({ start }) => {
      const { url } = await start({ mode, fprocess: 'env' });
      expect(await (await post(url, '', { Proxy: 'http://evil' })).text()).not.to.match(/^Http_Proxy=/m);
    },
  );

  differs('path as it came', 'hands a path with empty segments over as it came', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'env' });
    const response = await fetch(`${url}/a//b`, { redirect: 'manual' });
    expect(await response.text()).to.match(/^Http_Path=\/a\/\/b$/m);
  });

  differs(
    'path with NUL',
    'answers 400 for a path that cannot be an environment variable',
    async ({ start }) => {
      const { url } = await start({ mode, fprocess: 'env' });
      expect((await fetch(`${url}/a%00b`)).status).to.equal(400);
    },
  );

  it('logs stderr line by line', async ({ start }) => {
    const { url, log } = await start({ mode, fprocess: './prints-to-both' });
    await until(async () => {
      expect(await (await fetch(url)).text()).to.equal('to-stdout\nto-stdout again\n');
      return log().includes('stderr: to-stderr\n'); // again and again: of-watchdog loses some lines of a process that is quick to end
    }, 'the line in the log');
    expect(log()).to.match(
      /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Started logging: stderr from function\.\n[\s\S]*\d\d:\d\d:\d\d stderr: to-stderr\n/,
    );
  });

  it('logs bare lines with prefix_logs=false', async ({ start }) => {
    const { url, log } = await start({ mode, fprocess: './prints-to-both', prefix_logs: 'false' });
    await until(async () => {
      await (await fetch(url)).text(); // again and again: of-watchdog loses some lines of a process that is quick to end
      return log().includes('\nto-stderr\n');
    }, 'the line in the log');
  });

  differs('call id in the log', 'adds the call id to the access log with log_callid', async ({ start }) => {
    const { url, logged } = await start({ mode, fprocess: 'cat', log_callid: '1' });
    await (await post(`${url}/x`, 'abc', { 'X-Call-Id': 'id-1' })).text();
    await (await fetch(`${url}/y?z=1`)).text();
    expect(await logged('GET /y?z=1 - ')).to.match(/POST \/x - 200 - ContentLength: 3B \(\S+s\) \[id-1\]\n/);
    await logged('[none]\n');
  });

  it('passes long bodies through whole, both ways', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'cat' });
    const body = Buffer.alloc(12_000_000, 'abcdefghijk');
    const answer = Buffer.from(await (await post(url, body)).arrayBuffer());
    expect(answer.equals(body)).to.equal(true);
  });

  it('is not disturbed by a process that never reads its stdin', async ({ start }) => {
    const { url } = await start({ mode, fprocess: './never-reads-stdin' });
    for (const size of [10, 300_000]) {
      const response = await post(url, new Uint8Array(size));
      expect([response.status, await response.text()]).to.deep.equal([200, 'done\n']);
    }
  });

  differs(
    'whole group',
    'kills the process group at exec_timeout, SIGTERM ignored or not',
    async ({ start }) => {
      const pidFile = temporaryPath();
      const { url } = await start({
        mode,
        fprocess: './forks-children',
        exec_timeout: '1s',
        PID_FILE: pidFile,
      });
      await (await fetch(url)).text();
      const pid = Number(readFileSync(pidFile, 'utf8'));
      await until(() => !isAlive(pid), 'the child is dead');
    },
  );

  differs('write timeout', 'ends the process at write_timeout and says so', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'sleep 60', write_timeout: '200ms' });
    const response = await fetch(url);
    expect(response.status).to.equal(504);
    expect(await response.text()).to.contain('write_timeout');
  });

  differs('client gone', 'ends the process when its client leaves', async ({ start }) => {
    const pidFile = temporaryPath();
    const { url } = await start({ mode, fprocess: './forks-children', PID_FILE: pidFile });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const read = (): string => (Bun.file(pidFile).size > 0 ? readFileSync(pidFile, 'utf8').trim() : '');
    await until(() => read() !== '', 'the child started');
    socket.destroy();
    await until(() => !isAlive(Number(read())), 'the child is dead');
  });
}

describeContract('of-watchdog', 'mode serializing', (cases) => {
  const mode = 'serializing';
  forkMode(cases, mode);

  cases.it('says how long a successful call took', async ({ start }) => {
    const { url } = await start({ mode, fprocess: 'cat' });
    expect((await post(url, 'x')).headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
  });

  const failures: [string, Record<string, string>, string][] = [
    ['the exit status, without the output', { fprocess: './exit-3' }, 'exit status 3'],
    ['the signal that ended the process', { fprocess: './kills-itself' }, 'signal: segmentation fault'],
    ['that it was killed at exec_timeout', { fprocess: 'sleep 60', exec_timeout: '300ms' }, 'signal: killed'],
    ['why it cannot start', { fprocess: 'nonesuch' }, 'exec: "nonesuch": executable file not found in $PATH'],
    [
      'why a path cannot be started',
      { fprocess: './is-no-program' },
      'fork/exec ./is-no-program: exec format error',
    ],
  ];
  for (const [what, env, text] of failures) {
    cases.it(`answers 500 with ${what}`, async ({ start }) => {
      const { url, logged } = await start({ mode, ...env });
      const response = await post(url, 'x');
      expect([response.status, await response.text()]).to.deep.equal([500, text]);
      expect(response.headers.get('content-type')).to.equal('application/octet-stream');
      await logged('POST / - ');
    });
  }

  cases.differs('status in the access log', 'logs a failure as one', async ({ start }) => {
    const { url, logged } = await start({ mode, fprocess: './exit-3' });
    await post(url, 'x');
    await logged('POST / - 500 - ContentLength: 13B');
  });

  cases.it('answers 500 where a header is too long for an environment', async ({ start }) => {
    const { url } = await start({ mode, fprocess: '/usr/bin/env' });
    const response = await fetch(url, { headers: { 'X-Long': 'a'.repeat(200_000) } });
    expect([response.status, await response.text()]).to.deep.equal([
      500,
      'fork/exec /usr/bin/env: argument list too long',
    ]);
    expect((await fetch(url)).status).to.equal(200);
  });
});

describeContract('of-watchdog', 'mode streaming', (cases) => {
  const mode = 'streaming';
  forkMode(cases, mode);

  const failures: [string, Record<string, string>, string][] = [
    ['whose process fails', { fprocess: './exit-3' }, 'before the end\n'],
    ['whose process is ended by a signal', { fprocess: './kills-itself' }, ''],
    ['that exec_timeout cuts short', { fprocess: './prints-and-hangs', exec_timeout: '1s' }, 'first\n'],
    ['whose process cannot start', { fprocess: 'nonesuch' }, ''],
  ];
  for (const [what, env, text] of failures) {
    cases.it(`answers 200 and what was written to a call ${what}; the log says 500`, async ({ start }) => {
      const { url, logged, metricsUrl } = await start({ mode, ...env });
      const response = await post(url, 'x');
      expect([response.status, await response.text()]).to.deep.equal([200, text]);
      expect(response.headers.get('content-type')).to.equal('application/octet-stream');
      expect(response.headers.get('x-duration-seconds')).to.equal(null);
      await logged(`POST / - 500 - ContentLength: ${text.length}B`);
      const page = await (await fetch(metricsUrl)).text();
      expect(page).to.contain('http_requests_total{code="200",method="post"} 1\n');
    });
  }

  cases.it('gives the process its body while it comes', async ({ start }) => {
    const { url, logged } = await start({ mode, fprocess: './copies-to-stderr' });
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(opened) {
        controller = opened;
        opened.enqueue(new TextEncoder().encode('one\n'));
      },
    });
    const call = fetch(url, { method: 'POST', body });
    await logged('stderr: one\n');
    controller?.enqueue(new TextEncoder().encode('two\n'));
    await logged('stderr: two\n');
    controller?.close();
    expect((await call).status).to.equal(200);
  });

  cases.differs('flush at once', 'passes every line on when it is written', async ({ start }) => {
    const releaseFile = temporaryPath();
    const { url } = await start({ mode, fprocess: './prints-and-waits', RELEASE_FILE: releaseFile });
    for (const accept of ['text/event-stream', 'application/x-ndjson', '*/*']) {
      const response = await fetch(url, { headers: { Accept: accept } });
      const reader = response.body?.getReader();
      const next = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
      for (let line = 1; line <= 3; line++) {
        expect(await next()).to.equal(`line ${line}\n`);
        await Bun.write(`${releaseFile}.${line}`, ''); // only now is the next one written
      }
      await reader?.cancel();
      for (let line = 1; line <= 3; line++) rmSync(`${releaseFile}.${line}`);
    }
  });
});
