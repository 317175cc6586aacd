import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { isAlive, startWatchdog, stopWatchdogs, until, type Watchdog } from './start-watchdog.ts';

const READY = 'processes waits\n';

describe('the watchdog, pre-forked processes', function () {
  this.timeout(20_000);
  afterEach(stopWatchdogs);

  it('fills its pool, and fills it again', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '3' });
    await until(async () => (await waiting(watchdog)) === 3, 'three wait');
    const before = waitingPids(watchdog);
    expect(before.length).to.equal(3);
    expect(await how(watchdog)).to.equal('waited');
    await until(async () => (await waiting(watchdog)) === 3, 'three wait again');
    const after = waitingPids(watchdog);
    expect(after.length).to.equal(3);
    expect(after.filter((pid) => before.includes(pid)).length).to.equal(2);
  });

  it('hands over variables, body and nothing else, one request to a process', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '2' });
    const text = await (
      await fetch(`${watchdog.url}/a%20b?x=1`, {
        method: 'POST',
        body: 'the body',
        headers: { 'X-A': '\u00e9"' },
      })
    ).text();
    const [, json = '', body] = /^waited (.*)\n(.*)$/.exec(text) ?? [];
    expect(body).to.equal('the body');
    const document = JSON.parse(json) as { version: number; environment: Record<string, string> };
    expect(document.version).to.equal(1);
    expect(document.environment).to.include({
      Http_Path: '/a b', Http_Query: 'x=1', Http_Method: 'POST', Http_X_A: '\udce9"', Http_Content_Length: '8',
    }); // biome-ignore format: a table
    expect(Object.keys(document.environment).every((name) => name.startsWith('Http_'))).to.equal(true);
  });

  it('gives no variables with cgi_headers=false', async () => {
    const watchdog = await start('./waits-ahead true', { prefork: '1', cgi_headers: 'false' });
    expect(await (await fetch(watchdog.url)).text()).to.equal('waited {"version":1,"environment":{}}\n');
  });

  it('serves a burst larger than the pool', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '2' });
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const response = await fetch(watchdog.url, { method: 'POST', body: `number ${i}` });
        return [response.status, (await response.text()).split('\n')[1]];
      }),
    );
    expect(answers).to.deep.equal(Array.from({ length: 24 }, (_, i) => [200, `number ${i}`]));
    await watchdog.logged('Forking fprocess.');
    await until(async () => (await waiting(watchdog)) === 2, 'the pool is full again');
    expect(waitingPids(watchdog).length).to.equal(2);
  });

  it('starts those that end while they wait again, later each time, with what they said in the log', async () => {
    const watchdog = await startWatchdog({ fprocess: './ends-while-waiting', prefork: '1' });
    for (const ms of [100, 200, 400]) {
      await watchdog.logged(`ended while it waited: exit status 7; the next start in ${ms}ms\n`);
    }
    await watchdog.logged('stderr: cannot wait here\n');
    const response = await fetch(watchdog.url);
    expect([response.status, await response.text()]).to.deep.equal([200, 'forked\n']);
  });

  it('forks for a program that never says that it waits', async () => {
    const watchdog = await startWatchdog({ fprocess: 'cat', prefork: '3' });
    for (let i = 0; i < 3; i++) {
      const response = await fetch(watchdog.url, { method: 'POST', body: 'as ever' });
      expect([response.status, await response.text()]).to.deep.equal([200, 'as ever']);
    }
    const forks = (): number => watchdog.log().match(/Forking fprocess\./g)?.length ?? 0;
    await until(() => forks() === 3, 'a line for each of three forks');
  });

  it('says so when there is no such program, and serves when it comes', async () => {
    const watchdog = await startWatchdog({ fprocess: 'no-such-program', prefork: '1' });
    await watchdog.logged(
      'prefork: cannot start a process: exec: "no-such-program": executable file not found',
    );
    const response = await fetch(watchdog.url);
    expect([response.status, await response.text()]).to.deep.equal([
      500,
      'exec: "no-such-program": executable file not found in $PATH\n',
    ]);
  });

  it('forks for a request whose process ended in that moment without having read it', async () => {
    const watchdog = await startWatchdog({ fprocess: './leaves-its-request-unread', prefork: '1' });
    await watchdog.logged('1 processes waits\n');
    const response = await fetch(watchdog.url, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([response.status, await response.text()]).to.deep.equal([200, 'forked 100000\n']);
    await watchdog.logged('started ahead.');
    await until(async () => (await waiting(watchdog)) === 1, 'the next waits');
    // Of a body so long the beginning has gone.
    const long = await fetch(watchdog.url, { method: 'POST', body: 'x'.repeat(3_000_000) });
    expect(long.status).to.equal(500);
    expect(await long.text()).to.contain('ended before it took the request; send it again');
  });

  it('takes no answer from a process that has not read its request', async () => {
    const watchdog = await startWatchdog({
      fprocess: './leaves-its-request-unread', prefork: '1', ANSWERS: 'yes',
    }); // biome-ignore format: short
    await watchdog.logged('1 processes waits\n');
    const response = await fetch(watchdog.url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('answered without it');
  });

  it('passes long bodies and long headers through whole', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '1', TELLS: '' });
    for (const size of [0, 1, 70_000, 1_048_576, 12_000_000]) {
      await until(async () => (await waiting(watchdog)) === 1, 'one waits');
      const body = Buffer.alloc(size, 'abcdefghijk');
      const answer = await (await fetch(watchdog.url, { method: 'POST', body })).arrayBuffer();
      expect(Buffer.from(answer).equals(body), String(size)).to.equal(true);
    }
    expect(watchdog.log()).not.to.contain('Forking fprocess.');
    const telling = await start('./waits-ahead true', { prefork: '1' });
    const headers: Record<string, string> = {};
    for (let i = 0; i < 8; i++) headers[`X-Long-${i}`] = String(i).repeat(100_000);
    const text = await (await fetch(telling.url, { headers })).text();
    const { environment } = JSON.parse(text.slice(text.indexOf('{'))) as {
      environment: Record<string, string>;
    };
    expect(environment['Http_X_Long_7']).to.equal('7'.repeat(100_000));
  });

  it('leaves it to the kernel whether a variable is too long, whoever waits', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '1' });
    const response = await fetch(watchdog.url, { headers: { 'X-Long': 'a'.repeat(200_000) } });
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('argument list too long');
  });

  it('minds neither a process that never reads its body nor one that fails', async () => {
    const watchdog = await start('./waits-ahead ./exit-3', { prefork: '1', TELLS: '' });
    const response = await fetch(watchdog.url, { method: 'POST', body: new Uint8Array(3_000_000) });
    expect([response.status, await response.text()]).to.deep.equal([500, 'exit status 3\nbefore the end\n']);
    await watchdog.logged('started ahead.');
  });

  it('counts exec_timeout from the request, and ends the whole group', async () => {
    const pidFile = join('/tmp', `skep-prefork-${process.pid}-limit`);
    const watchdog = await start('./waits-ahead ./ignores-sigterm', {
      prefork: '1', exec_timeout: '500ms', PID_FILE: pidFile, TELLS: '',
    }); // biome-ignore format: short
    await Bun.sleep(700); // longer than the limit: the wait does not count
    const response = await fetch(watchdog.url);
    expect([response.status, await response.text()]).to.deep.equal([408, 'Killed process.\n']);
    await watchdog.logged('started ahead.');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until(() => !isAlive(pid), 'the process is dead');
  });

  it('ends the process whose client leaves', async () => {
    const pidFile = join('/tmp', `skep-prefork-${process.pid}-gone`);
    const watchdog = await start('./waits-ahead ./forks-children', {
      prefork: '1', PID_FILE: pidFile, TELLS: '',
    }); // biome-ignore format: short
    const socket = connect(Number(new URL(watchdog.url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '', 'it started');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isAlive(pid)).to.equal(true);
    socket.destroy();
    await until(() => !isAlive(pid), 'the child is dead');
  });

  it('ends what waits as soon as it is told to stop, and serves by forking until then', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '2', healthcheck_interval: '60s' });
    await until(async () => (await waiting(watchdog)) === 2, 'two wait');
    const pids = waitingPids(watchdog);
    watchdog.process.kill('SIGTERM');
    await until(() => pids.every((pid) => !isAlive(pid)), 'they have ended');
    expect(await how(watchdog)).to.equal('forked');
    expect(waitingPids(watchdog)).to.deep.equal([]);
  });

  it('leaves no process behind', async () => {
    const watchdog = await start('./waits-ahead cat', { prefork: '2' });
    await until(async () => (await waiting(watchdog)) === 2, 'two wait');
    const pids = waitingPids(watchdog);
    watchdog.process.kill('SIGKILL');
    await watchdog.exited();
    // Nobody could tell them: their request can not come any more, and that is what they see.
    await until(() => pids.every((pid) => !isAlive(pid) || isZombie(pid)), 'they have ended');
  });

  describe('of which one says that it is done', () => {
    const SAYS = { fprocess: './says-done', prefork: '1', BYTES: '5', AFTERWARDS: '', write_timeout: '60s' };
    async function says(env: Record<string, string>): Promise<Watchdog> {
      const watchdog = await startWatchdog({ ...SAYS, ...env });
      await watchdog.logged(READY);
      return watchdog;
    }

    it('answers for it before it ends, and ends it when it does not', async () => {
      const pidFile = join('/tmp', `skep-prefork-${process.pid}-done`);
      const watchdog = await says({ AFTERWARDS: 'echo $$ > $PID_FILE; exec sleep 600', PID_FILE: pidFile });
      const response = await fetch(watchdog.url);
      expect([response.status, (await response.arrayBuffer()).byteLength]).to.deep.equal([200, 5]);
      await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', 'it went on');
      await until(() => !isAlive(Number(readFileSync(pidFile, 'utf8'))), 'it is dead');
      await watchdog.logged(
        'a process was answered for when it said that it was done; then: the process was ended by SIGTERM\n',
      );
      rmSync(pidFile);
    });

    it('answers with all that it wrote before, and nothing that comes after', async () => {
      for (const bytes of [0, 1, 65_536, 65_537, 3_000_000, 30_000_000]) {
        for (const mode of ['fork', 'serializing', 'streaming']) {
          const watchdog = await says({ mode, BYTES: String(bytes), AFTERWARDS: 'sleep 0.05; exit 0' });
          const response = await fetch(watchdog.url);
          expect([mode, response.status, (await response.arrayBuffer()).byteLength]).to.deep.equal([
            mode,
            200,
            bytes,
          ]);
          await stopWatchdogs();
        }
      }
    });

    it('leaves a child that it leaves behind as much time as the call has, and logs what that says', async () => {
      const file = join('/tmp', `skep-prefork-${process.pid}-child`);
      const AFTERWARDS =
        '(sleep 1.5; echo late >&2; echo late; touch $CHILD_FILE; exec sleep 600) & echo $! > $PID_FILE';
      const watchdog = await says({
        AFTERWARDS,
        CHILD_FILE: file,
        PID_FILE: `${file}-pid`,
        write_timeout: '3s',
        combine_output: 'false',
      });
      expect((await (await fetch(watchdog.url)).arrayBuffer()).byteLength).to.equal(5);
      await watchdog.logged('stderr: late\n');
      await until(() => existsSync(file), 'the child goes on');
      const pid = Number(readFileSync(`${file}-pid`, 'utf8'));
      await until(() => !isAlive(pid), 'the child is dead at the time limit');
      for (const path of [file, `${file}-pid`]) rmSync(path);
    });

    it('tells in the log when it fails after all', async () => {
      const watchdog = await says({ AFTERWARDS: 'sleep 0.2; exit 3' });
      expect((await fetch(watchdog.url)).status).to.equal(200);
      await watchdog.logged('then: exit status 3\n');
    });

    it('waits for its end where max_inflight counts the processes', async () => {
      const watchdog = await says({ AFTERWARDS: 'exit 3', max_inflight: '2' });
      const response = await fetch(watchdog.url);
      expect([response.status, (await response.text()).split('\n')[0]]).to.deep.equal([500, 'exit status 3']);
    });

    it('keeps no descriptor of it', async () => {
      const watchdog = await says({});
      const descriptors = () => readdirSync(`/proc/${watchdog.process.pid}/fd`).length;
      const call = async () =>
        (await fetch(watchdog.url, { headers: { Connection: 'close' } })).arrayBuffer();
      const full = () => until(async () => (await waiting(watchdog)) === 1, 'one waits');
      await call();
      await full();
      const before = descriptors();
      for (let i = 0; i < 50; i++) await call();
      await full();
      await until(() => descriptors() <= before, 'as many descriptors as before');
    });
  });

  it('works in the modes of of-watchdog that run a process for each request', async () => {
    for (const mode of ['serializing', 'streaming']) {
      const watchdog = await start('./waits-ahead cat', { prefork: '1', mode });
      const text = await (await fetch(watchdog.url, { method: 'POST', body: 'body' })).text();
      expect(text).to.match(/^waited \{.*\}\nbody$/);
    }
  });
});

async function start(fprocess: string, env: Record<string, string>): Promise<Watchdog> {
  const watchdog = await startWatchdog({ fprocess, TELLS: 'yes', ...env });
  await watchdog.logged(READY);
  return watchdog;
}

async function how({ url }: Watchdog): Promise<string | undefined> {
  return (await (await fetch(url)).text()).split(' ')[0];
}

async function waiting({ metricsUrl }: Watchdog): Promise<number> {
  const page = await (await fetch(metricsUrl)).text();
  return Number(/watchdog_prefork_processes\{state="waiting"\} (\d+)/.exec(page)?.[1]);
}

/** Children of the watchdog that run a fixture. */
function waitingPids({ process: { pid } }: Watchdog): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  return children.filter((child) => child > 0 && !isZombie(child));
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true; // it has gone altogether
  }
}
