import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect } from 'chai';
import { isAlive, stopWatchdogs, temporaryPath, until } from '../start-watchdog.ts';
import { describeContract, post } from './contract.ts';

describeContract('classic', 'answers', ({ it, differs }) => {
  it('gives the body on stdin and answers what the process wrote', async ({ start }) => {
    const { url, logged } = await start({ fprocess: 'cat' });
    const response = await post(url, 'hello', { 'Content-Type': 'text/markdown' });
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal('hello');
    expect(response.headers.get('content-type')).to.equal('text/markdown');
    expect(response.headers.get('x-duration-seconds')).to.match(/^\d+\.\d{6}$/);
    const log = await logged('Wrote 5 Bytes');
    expect(log).to.match(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Forking fprocess\.\n/);
    expect(log).to.match(/Wrote 5 Bytes - Duration: \d+\.\d{6}s\n/);
  });

  it('sniffs the type of an answer that nobody gave a type', async ({ start }) => {
    const types = { '<!DOCTYPE html><p>hi': 'text/html; charset=utf-8', hello: 'text/plain; charset=utf-8' };
    for (const [output, type] of Object.entries(types)) {
      const { url } = await start({ fprocess: `echo ${output}` });
      expect((await fetch(url)).headers.get('content-type')).to.equal(type);
      await stopWatchdogs();
    }
  });

  it('gives every successful answer the configured type', async ({ start }) => {
    const { url } = await start({ fprocess: 'cat', content_type: 'application/json' });
    const response = await post(url, '{}', { 'Content-Type': 'text/plain' });
    expect(response.headers.get('content-type')).to.equal('application/json');
  });

  it('answers 500 with the exit status and then the output', async ({ start }) => {
    const { url } = await start({ fprocess: './exit-3' });
    const response = await post(url, 'x', { 'Content-Type': 'application/json' });
    expect(response.status).to.equal(500);
    expect(await response.text()).to.equal('exit status 3\nbefore the end\n');
    expect(response.headers.get('x-duration-seconds')).to.equal(null);
    expect(response.headers.get('content-type')).to.equal('text/plain; charset=utf-8');
  });

  it('answers 500 naming the signal that ended the process', async ({ start }) => {
    const { url } = await start({ fprocess: './kills-itself' });
    const response = await fetch(url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('signal: segmentation fault\n');
  });

  it('answers 500 naming a program that is not there, and goes on serving', async ({ start }) => {
    const { url } = await start({ fprocess: 'no-such-program' });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(url);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal('exec: "no-such-program": executable file not found in $PATH\n');
    }
  });

  it('says why a program that is there cannot be started', async ({ start }) => {
    const reasons = {
      './no-such-program': 'fork/exec ./no-such-program: no such file or directory\n',
      './cannot-be-executed': 'fork/exec ./cannot-be-executed: permission denied\n',
      './has-no-interpreter': 'fork/exec ./has-no-interpreter: no such file or directory\n',
      './is-no-program': 'fork/exec ./is-no-program: exec format error\n',
    };
    for (const [fprocess, text] of Object.entries(reasons)) {
      const { url } = await start({ fprocess });
      expect(await (await fetch(url)).text()).to.equal(text);
      await stopWatchdogs();
    }
  });

  differs('reason in the log', 'logs why a process could not be started', async ({ start }) => {
    const { url, logged } = await start({ fprocess: 'no-such-program' });
    await fetch(url);
    await logged('cannot start the process: exec: "no-such-program"');
  });

  it('answers 408 when exec_timeout kills the process', async ({ start }) => {
    const { url } = await start({ fprocess: 'sleep 60', exec_timeout: '300ms' });
    const response = await fetch(url);
    expect([response.status, await response.text()]).to.deep.equal([408, 'Killed process.\n']);
    expect(response.headers.get('x-duration-seconds')).to.equal(null);
  });

  differs(
    'whole group',
    'kills the process group at exec_timeout, SIGTERM ignored or not',
    async ({ start }) => {
      for (const fixture of ['forks-children', 'ignores-sigterm']) {
        const pidFile = temporaryPath();
        const { url } = await start({ fprocess: `./${fixture}`, exec_timeout: '1s', PID_FILE: pidFile });
        expect((await fetch(url)).status).to.equal(408);
        const pid = Number(readFileSync(pidFile, 'utf8'));
        await until(() => !isAlive(pid), `${fixture} is dead`);
        await stopWatchdogs();
      }
    },
  );

  differs('write timeout', 'ends the process at write_timeout and says so', async ({ start }) => {
    const { url } = await start({ fprocess: 'sleep 60', write_timeout: '200ms' });
    const response = await fetch(url);
    expect(response.status).to.equal(504);
    expect(await response.text()).to.contain('write_timeout');
  });

  differs('client gone', 'ends the process when its client leaves', async ({ start }) => {
    const pidFile = temporaryPath();
    const { url } = await start({ fprocess: './forks-children', PID_FILE: pidFile });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const read = (): string => (Bun.file(pidFile).size > 0 ? readFileSync(pidFile, 'utf8').trim() : '');
    await until(() => read() !== '', 'the child started');
    socket.destroy();
    await until(() => !isAlive(Number(read())), 'the child is dead');
  });

  it('passes long bodies through whole, both ways', async ({ start }) => {
    const { url } = await start({ fprocess: 'cat' });
    const body = Buffer.alloc(12_000_000, 'abcdefghijk');
    const answer = Buffer.from(await (await post(url, body)).arrayBuffer());
    expect(answer.equals(body)).to.equal(true);
  });

  differs(
    'failure of a long answer',
    'breaks off a long answer whose process fails after all',
    async ({ start }) => {
      const { url } = await start({ fprocess: './prints-a-lot-then-fails' });
      const failure = await fetch(url)
        .then((response) => response.arrayBuffer())
        .then(
          () => undefined,
          (error: Error) => error,
        );
      expect(failure).to.be.instanceOf(Error);
    },
  );

  it('is not disturbed by a process that never reads its stdin', async ({ start }) => {
    const { url } = await start({ fprocess: './never-reads-stdin' });
    for (const size of [10, 300_000, 3_000_000]) {
      const response = await post(url, new Uint8Array(size));
      expect([response.status, await response.text()]).to.deep.equal([200, 'done\n']);
    }
  });

  it('takes POST, PUT, PATCH, DELETE and GET, and answers 405 to others', async ({ start }) => {
    const { url } = await start({ fprocess: 'cat' });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
      expect((await fetch(url, { method })).status).to.equal(200);
    for (const method of ['HEAD', 'OPTIONS']) expect((await fetch(url, { method })).status).to.equal(405);
  });
});
