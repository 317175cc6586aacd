import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { isAlive, ours, startWatchdog, stopWatchdogs, until } from './start-watchdog.ts';

const post = (
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(url, { method: 'POST', body, headers });

describe('the watchdog, one process per request', () => {
  afterEach(stopWatchdogs);

  it('gives the body on stdin and answers what the process wrote', async () => {
    const { url, logged } = await startWatchdog({ fprocess: 'cat' });
    const response = await post(url, 'hello', { 'Content-Type': 'text/markdown' });
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal('hello');
    expect(response.headers.get('content-type')).to.equal('text/markdown');
    expect(response.headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
    const log = await logged('Wrote 5 Bytes');
    expect(log).to.match(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Forking fprocess\.\n/);
    expect(log).to.match(/Wrote 5 Bytes - Duration: \d+\.\d{6}s\n/);
  });

  ours('says how long it keeps an idle connection', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    expect((await fetch(url)).headers.get('keep-alive')).to.equal('timeout=120');
  });

  it('sniffs the type of an answer that nobody gave a type', async () => {
    const { url } = await startWatchdog({ fprocess: 'echo <!DOCTYPE html><p>hi' });
    expect((await fetch(url)).headers.get('content-type')).to.equal('text/html; charset=utf-8');
  });

  it('gives every answer the configured type', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat', content_type: 'application/json' });
    const response = await post(url, '{}', { 'Content-Type': 'text/plain' });
    expect(response.headers.get('content-type')).to.equal('application/json');
  });

  it('hands the request over as environment', async () => {
    const { url } = await startWatchdog({ fprocess: 'env', OWN: 'kept' });
    const response = await post(`${url}/a%20b?x=1&y=2`, 'abc', { 'X-Call-Id': 'id-1' });
    const lines = (await response.text()).split('\n');
    expect(lines).to.include.members([
      'Http_Path=/a b', 'Http_Query=x=1&y=2', 'Http_Method=POST', 'Http_Content_Length=3', 'Http_ContentLength=3',
      'Http_X_Call_Id=id-1', `Http_Host=${new URL(url).host}`, 'OWN=kept',
    ]); // biome-ignore format: a table
  });

  ours('keeps a Proxy header from becoming a setting of HTTP clients', async () => {
    const { url } = await startWatchdog({ fprocess: 'env' });
    expect(await (await post(url, '', { Proxy: 'http://evil' })).text()).not.to.match(/^Http_Proxy=/m);
  });

  it('hands nothing over with cgi_headers=false', async () => {
    const { url } = await startWatchdog({ fprocess: 'env', cgi_headers: 'false' });
    expect(await (await fetch(url)).text()).not.to.contain('Http_');
  });

  ours('answers 400 for a path that cannot be an environment variable', async () => {
    const { url } = await startWatchdog({ fprocess: 'env' });
    expect((await fetch(`${url}/a%00b`)).status).to.equal(400);
  });

  it('answers 500 with the exit status and then the output', async () => {
    const { url } = await startWatchdog({ fprocess: './exit-3' });
    const response = await post(url, 'x');
    expect(response.status).to.equal(500);
    expect(await response.text()).to.equal('exit status 3\nbefore the end\n');
    expect(response.headers.get('x-duration-seconds')).to.equal(null);
  });

  it('answers 500 naming the signal that ended the process', async () => {
    const { url } = await startWatchdog({ fprocess: './kills-itself' });
    const response = await fetch(url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('signal: segmentation fault\n');
  });

  it('answers 500 naming a program that is not there, and goes on serving', async () => {
    const { url } = await startWatchdog({ fprocess: 'no-such-program' });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(url);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal('exec: "no-such-program": executable file not found in $PATH\n');
    }
  });

  it('says why a program that is there cannot be started', async () => {
    const reasons = {
      './no-such-program': 'fork/exec ./no-such-program: no such file or directory\n',
      './cannot-be-executed': 'fork/exec ./cannot-be-executed: permission denied\n',
      './has-no-interpreter': 'fork/exec ./has-no-interpreter: no such file or directory\n',
      './is-no-program': 'fork/exec ./is-no-program: exec format error\n',
    };
    for (const [fprocess, text] of Object.entries(reasons)) {
      const { url } = await startWatchdog({ fprocess });
      expect(await (await fetch(url)).text()).to.equal(text);
      await stopWatchdogs();
    }
  });

  it('answers 500 where a header is too long for an environment', async () => {
    const { url } = await startWatchdog({ fprocess: '/usr/bin/env' });
    const response = await fetch(url, { headers: { 'X-Long': 'a'.repeat(200_000) } });
    expect([response.status, await response.text()]).to.deep.equal([
      500,
      'fork/exec /usr/bin/env: argument list too long\n',
    ]);
    expect((await fetch(url)).status).to.equal(200);
  });

  it('is not disturbed by a process that never reads its stdin', async () => {
    const { url } = await startWatchdog({ fprocess: './never-reads-stdin' });
    for (const size of [10, 300_000, 3_000_000]) {
      const response = await post(url, new Uint8Array(size));
      expect([response.status, await response.text()]).to.deep.equal([200, 'done\n']);
    }
  });

  it('mixes stderr into the answer by default, in the order of the writes', async () => {
    const { url } = await startWatchdog({ fprocess: './prints-to-both' });
    for (let i = 0; i < 20; i++) {
      expect(await (await fetch(url)).text()).to.equal('to-stdout\nto-stderr\nto-stdout again\n');
    }
  });

  it('gives the process streams that it can open again by their names in /dev', async () => {
    const { url, logged } = await startWatchdog({ fprocess: './opens-dev-streams', combine_output: 'false' });
    for (const size of [5, 3_000_000]) {
      const response = await post(url, 'x'.repeat(size));
      expect([response.status, await response.text()]).to.deep.equal([200, `${size}\n`]);
    }
    await logged('stderr: counted\n');
  });

  it('logs stderr instead with combine_output=false', async () => {
    const { url, logged } = await startWatchdog({ fprocess: './prints-to-both', combine_output: 'false' });
    expect(await (await fetch(url)).text()).to.equal('to-stdout\nto-stdout again\n');
    await logged('stderr: to-stderr\n');
  });

  it('passes long bodies through whole, both ways', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    const body = Buffer.alloc(12_000_000, 'abcdefghijk');
    const answer = Buffer.from(await (await post(url, body)).arrayBuffer());
    expect(answer.equals(body)).to.equal(true);
  });

  ours('leaves no file descriptor open, however a process treats its streams', async () => {
    const { url, process: watchdog } = await startWatchdog({
      fprocess: './never-reads-stdin',
      combine_output: 'false',
    });
    const open = (): number => readdirSync(`/proc/${watchdog.pid}/fd`).length;
    const call = async (): Promise<void> => {
      await (await post(url, new Uint8Array(2_000_000), { Connection: 'close' })).arrayBuffer();
      await (await fetch(url, { headers: { Connection: 'close' } })).arrayBuffer();
    };
    await call();
    const before = open();
    for (let i = 0; i < 10; i++) await call();
    await until(() => open() <= before, 'as many descriptors as before');
  });

  ours('streams a long answer without holding it in memory', async () => {
    const { url, process: watchdog } = await startWatchdog({ fprocess: './prints-a-lot 300000000' });
    const response = await fetch(url);
    let length = 0;
    for await (const piece of response.body ?? []) length += piece.length;
    expect(length).to.equal(300_000_000);
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${watchdog.pid}/status`, 'utf8'))?.[1];
    expect(Number(peak)).to.be.below(200_000);
  });

  ours('breaks off a long answer whose process fails after all', async () => {
    const { url, logged } = await startWatchdog({ fprocess: './prints-a-lot-then-fails' });
    const failure = await fetch(url)
      .then((response) => response.arrayBuffer())
      .then(
        () => undefined,
        (error: Error) => error,
      );
    expect(failure).to.be.instanceOf(Error);
    await logged('answer cut short after 20000000 bytes: exit status 4');
  });

  it('takes POST, PUT, PATCH, DELETE and GET, and answers 405 to others', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
      expect((await fetch(url, { method })).status).to.equal(200);
    for (const method of ['HEAD', 'OPTIONS']) expect((await fetch(url, { method })).status).to.equal(405);
  });

  it('gives one JSON document on stdin with marshal_request', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat', marshal_request: 'true' });
    const document = (await (await post(url, 'hi', { 'X-A': 'b' })).json()) as {
      header: Record<string, string[]>;
      body: { raw: string };
    };
    expect(document.header['X-A']).to.deep.equal(['b']);
    expect(document.body.raw).to.equal(btoa('hi'));
  });

  ours('kills the whole process group at exec_timeout, SIGTERM ignored or not, and answers 408', async () => {
    for (const fixture of ['forks-children', 'ignores-sigterm']) {
      const pidFile = join('/tmp', `skep-watchdog-${process.pid}-${fixture}`);
      const { url } = await startWatchdog({
        fprocess: `./${fixture}`,
        exec_timeout: '500ms',
        PID_FILE: pidFile,
      });
      const response = await fetch(url);
      expect([response.status, await response.text()]).to.deep.equal([408, 'Killed process.\n']);
      const pid = Number(readFileSync(pidFile, 'utf8'));
      await until(() => !isAlive(pid), `${fixture} is dead`);
    }
  });

  ours('says so when write_timeout ends a process', async () => {
    const { url } = await startWatchdog({ fprocess: 'sleep 60', write_timeout: '200ms' });
    const response = await fetch(url);
    expect(response.status).to.equal(504);
    expect(await response.text()).to.contain('write_timeout');
  });

  ours('kills the process group when the client leaves', async () => {
    const pidFile = join('/tmp', `skep-watchdog-${process.pid}-gone`);
    const { url } = await startWatchdog({ fprocess: './forks-children', PID_FILE: pidFile });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(
      () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '',
      'the child started',
    );
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isAlive(pid)).to.equal(true);
    socket.destroy();
    await until(() => !isAlive(pid), 'the child is dead');
  });

  it('answers 429 beyond max_inflight and serves again afterwards', async () => {
    const base = join('/tmp', `skep-watchdog-${process.pid}-${Date.now()}`);
    const { url } = await startWatchdog({
      fprocess: './waits-for-release', max_inflight: '1', PID_FILE: `${base}.pid`, RELEASE_FILE: `${base}.release`,
    }); // biome-ignore format: short
    const first = fetch(url);
    await until(() => existsSync(`${base}.pid`), 'the first started');
    const second = await fetch(url);
    expect(second.status).to.equal(429);
    expect(second.headers.get('x-openfaas-internal')).to.equal('faas-middleware');
    expect(await second.text()).to.equal('Concurrent request limit exceeded. Max concurrent requests: 1\n');
    expect((await fetch(`${url}/_/ready`)).status).to.equal(429);
    await Bun.write(`${base}.release`, '');
    expect(await (await first).text()).to.equal('released\n');
    expect((await fetch(url)).status).to.equal(200);
  });

  ours('answers 421 to a call that was meant for another function, and runs nothing', async () => {
    const { url, log } = await startWatchdog({
      fprocess: 'cat',
      OPENFAAS_NAME: 'a',
      OPENFAAS_NAMESPACE: 'fn',
    });
    expect((await post(url, 'x', { 'X-Skep-Function': 'b.fn' })).status).to.equal(421);
    expect(log()).not.to.contain('Forking fprocess.');
    expect((await post(url, 'x', { 'X-Skep-Function': 'a.fn' })).status).to.equal(200);
  });

  it('counts invocations and not health checks', async () => {
    const { url, metricsUrl } = await startWatchdog({ fprocess: './exit-3' });
    await post(url, 'x');
    await fetch(`${url}/_/health`);
    const page = await (await fetch(metricsUrl)).text();
    expect(page).to.contain('http_requests_total{code="500",method="post"} 1\n');
    expect(page).to.contain('http_request_duration_seconds_count{code="500",method="post"} 1\n');
    expect(page).to.contain('http_requests_in_flight 0\n');
    expect(page).not.to.contain('method="get"');
  });

  ours('tells what its container uses, under the name of the function, or has no series at all', async () => {
    const { metricsUrl } = await startWatchdog({
      fprocess: 'cat',
      OPENFAAS_NAME: 'a',
      OPENFAAS_NAMESPACE: 'fn',
    });
    const page = await (await fetch(metricsUrl)).text();
    for (const name of ['pod_cpu_usage_seconds_total', 'pod_memory_working_set_bytes']) {
      // Whether there is a figure depends on the machine; without one there is no sample, least of all a zero.
      for (const [sample] of page.matchAll(new RegExp(`^${name}[{ ].*$`, 'gm'))) {
        expect(sample).to.match(/^\w+\{function_name="a\.fn",namespace="fn"\} [0-9.e+]+$/);
        expect(sample).to.not.match(/ 0$/);
      }
      expect(page).to.contain(`# TYPE ${name} `);
    }
  });

  it('shows headers and output where it is asked to', async () => {
    const { url, logged } = await startWatchdog({
      fprocess: 'cat',
      debug_headers: 'true',
      write_debug: 'true',
    });
    await post(url, 'seen-output', { 'X-Seen': 'yes' });
    await logged('[in] X-Seen=[yes]');
    await logged('[out] X-Duration-Seconds=[');
    const log = await logged('Duration: ');
    expect(log).not.to.contain('Wrote');
    await logged('seen-output');
  });
});
