import { existsSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { isAlive, temporaryPath, until } from '../start-watchdog.ts';
import { type Contract, type ContractCases, describeContract } from './contract.ts';

/** What the watchdogs have in common, whatever the mode. */
function lifecycle({ it, differs }: ContractCases, contract: Contract, mode: Record<string, string>): void {
  it('is healthy while its lock file is there', async ({ start }) => {
    const { url, lockPath } = await start({ ...mode, fprocess: 'cat' });
    await until(() => existsSync(lockPath), 'the lock file');
    const health = await fetch(`${url}/_/health`);
    expect([health.status, await health.text()]).to.deep.equal([200, 'OK']);
    expect((await fetch(`${url}/_/health`, { method: 'POST' })).status).to.equal(405);
    rmSync(lockPath);
    const ill = await fetch(`${url}/_/health`);
    expect([ill.status, await ill.text()]).to.deep.equal([503, '']);
  });

  it('writes no lock file with suppress_lock, and warns', async ({ start }) => {
    const { lockPath, logged } = await start({ ...mode, fprocess: 'cat', suppress_lock: 'true' });
    await logged('"suppress_lock" is enabled');
    expect(existsSync(lockPath)).to.equal(false);
  });

  differs(
    'suppressed lock',
    'is healthy without a lock file that it was told not to write',
    async ({ start }) => {
      const { url } = await start({ ...mode, fprocess: 'cat', suppress_lock: 'true' });
      expect((await fetch(`${url}/_/health`)).status).to.equal(200);
    },
  );

  it('answers -version and -run-healthcheck', async ({ start }) => {
    const env = { ...mode, fprocess: 'cat' };
    const version = await start(env, { args: ['-version'], waits: false });
    expect(await version.exited()).to.equal(0);
    const missing = await start(env, { args: ['-run-healthcheck'], waits: false });
    expect(await missing.exited()).to.equal(1);
    expect(missing.log()).to.contain('unable to find lock file.');
    const { lockPath } = await start(env);
    await until(() => existsSync(lockPath), 'the lock file');
    const TMPDIR = lockPath.replace(/\/\.lock$/, '');
    const found = await start({ ...env, TMPDIR }, { args: ['-run-healthcheck'], waits: false });
    expect(await found.exited()).to.equal(0);
  });

  it('does not start without a process', async ({ start }) => {
    const watchdog = await start(mode, { waits: false });
    expect(await watchdog.exited()).not.to.equal(0);
    expect(watchdog.log()).to.contain(
      contract === 'classic'
        ? 'Provide a valid process via fprocess environmental variable.'
        : 'provide a "function_process" or "fprocess" environmental variable for your function',
    );
  });

  differs(
    'start failure',
    'ends with 1 and one message when the lock file cannot be written',
    async ({ start }) => {
      const watchdog = await start(
        { ...mode, fprocess: 'cat', TMPDIR: '/dev/null/folder' },
        { waits: false },
      );
      expect(await watchdog.exited()).to.equal(1);
      expect(watchdog.log()).to.contain(
        'cannot write /dev/null/folder/.lock. To disable lock-file set env suppress_lock=true',
      );
    },
  );

  differs('bad value', 'refuses a value that it does not understand', async ({ start }) => {
    const env = { ...mode, fprocess: 'cat', exec_timeout: 'soon', max_inflight: 'few' };
    const watchdog = await start(env, { waits: false });
    expect(await watchdog.exited()).to.equal(1);
    expect(watchdog.log()).to.contain('exec_timeout=soon').and.to.contain('max_inflight=few');
  });

  it('on SIGTERM fails its health, serves on, finishes what is in flight and ends with 0', async ({
    start,
  }) => {
    const [pidFile, releaseFile] = [temporaryPath(), temporaryPath()];
    const watchdog = await start({
      ...mode, fprocess: './waits-for-release', healthcheck_interval: '1500ms', PID_FILE: pidFile, RELEASE_FILE: releaseFile,
    }); // biome-ignore format: short
    const inFlight = fetch(watchdog.url);
    await until(() => existsSync(pidFile), 'the request started');
    watchdog.process.kill('SIGTERM');
    await watchdog.logged('SIGTERM: no new connections in 1.5s');
    await until(() => !existsSync(watchdog.lockPath), 'the lock file is gone');
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(503);
    const late = fetch(watchdog.url);
    await watchdog.logged('No new connections allowed, draining: ');
    await Bun.write(releaseFile, '');
    for (const response of [await inFlight, await late]) {
      expect([response.status, await response.text()]).to.deep.equal([200, 'released\n']);
    }
    expect(await watchdog.exited()).to.equal(0);
    expect(watchdog.log()).to.contain('Exiting. Active connections: 0');
  });

  it('waits for what is in flight no longer than write_timeout', async ({ start }) => {
    const pidFile = temporaryPath();
    const watchdog = await start({
      ...mode, fprocess: './ignores-sigterm', write_timeout: '1s', exec_timeout: '60s', healthcheck_interval: '10ms', PID_FILE: pidFile,
    }); // biome-ignore format: short
    const cut = fetch(watchdog.url).then(
      (response) => response.text(),
      () => 'cut',
    );
    await until(() => existsSync(pidFile), 'the request started');
    watchdog.process.kill('SIGTERM');
    expect(await watchdog.exited()).to.equal(0);
    await cut;
  });

  differs('whole group', 'leaves no process behind when the drain takes too long', async ({ start }) => {
    const pidFile = temporaryPath();
    const watchdog = await start({
      ...mode, fprocess: './forks-children', write_timeout: '300ms', exec_timeout: '60s', healthcheck_interval: '10ms', PID_FILE: pidFile,
    }); // biome-ignore format: short
    const cut = fetch(watchdog.url).then(
      () => {},
      () => {},
    );
    await until(() => existsSync(pidFile) && Bun.file(pidFile).size > 0, 'the request started');
    const pid = Number(await Bun.file(pidFile).text());
    watchdog.process.kill('SIGTERM');
    await watchdog.exited();
    await cut;
    await until(() => !isAlive(pid), 'the child is dead');
  });

  it('answers 429 beyond max_inflight and serves again afterwards', async ({ start }) => {
    const [pidFile, releaseFile] = [temporaryPath(), temporaryPath()];
    const { url, metricsUrl } = await start({
      ...mode, fprocess: './waits-for-release', max_inflight: '1', PID_FILE: pidFile, RELEASE_FILE: releaseFile,
    }); // biome-ignore format: short
    const first = fetch(url);
    await until(() => existsSync(pidFile), 'the first started');
    const second = await fetch(url, { method: 'POST', body: 'x' });
    expect(second.status).to.equal(429);
    expect(second.headers.get('x-openfaas-internal')).to.equal('faas-middleware');
    expect(second.headers.get('content-type')).to.contain('text/plain');
    expect(await second.text()).to.equal('Concurrent request limit exceeded. Max concurrent requests: 1\n');
    expect((await fetch(`${url}/_/health`)).status).to.equal(200);
    await Bun.write(releaseFile, '');
    expect(await (await first).text()).to.equal('released\n');
    expect((await fetch(url)).status).to.equal(200);
    const page = await (await fetch(metricsUrl)).text();
    expect(page).to.contain('http_requests_total{code="429",method="post"} 1\n');
  });

  it('counts invocations and not health checks', async ({ start }) => {
    const { url, metricsUrl } = await start({ ...mode, fprocess: 'cat' });
    await until(
      async () => (await (await fetch(metricsUrl)).text()).includes('http_requests_in_flight 0\n'),
      'the gauge',
    );
    await (await fetch(url, { method: 'POST', body: 'x' })).text(); // counted when it has ended
    await fetch(`${url}/_/health`);
    const page = await (await fetch(metricsUrl)).text();
    expect(page).to.contain('http_requests_total{code="200",method="post"} 1\n');
    expect(page).to.contain('http_request_duration_seconds_count{code="200",method="post"} 1\n');
    for (const le of [
      '0.005',
      '0.01',
      '0.025',
      '0.05',
      '0.1',
      '0.25',
      '0.5',
      '1',
      '2.5',
      '5',
      '10',
      '+Inf',
    ]) {
      const bucket = /http_request_duration_seconds_bucket\{([^}]*)\}/g;
      const labels = [...page.matchAll(bucket)].map(([, text]) => (text ?? '').split(',').sort().join());
      expect(labels).to.include(`code="200",le="${le}",method="post"`);
    }
    expect(page).to.contain('http_requests_in_flight 0\n');
    expect(page).not.to.contain('method="get"');
    for (const type of [
      'http_requests_total counter',
      'http_request_duration_seconds histogram',
      'http_requests_in_flight gauge',
    ]) {
      expect(page).to.contain(`# TYPE ${type}\n`);
    }
  });
}

describeContract('classic', 'from start to end', (cases) => {
  lifecycle(cases, 'classic', {});

  cases.differs('readiness', 'is ready while it is healthy', async ({ start }) => {
    const { url, lockPath } = await start({ fprocess: 'cat' });
    expect((await fetch(`${url}/_/ready`)).status).to.equal(200);
    rmSync(lockPath);
    expect((await fetch(`${url}/_/ready`)).status).to.equal(503);
  });

  cases.it('counts what fails under its status', async ({ start }) => {
    const { url, metricsUrl } = await start({ fprocess: './exit-3' });
    await fetch(url, { method: 'PUT', body: 'x' });
    await fetch(url, { method: 'HEAD' });
    const page = await (await fetch(metricsUrl)).text();
    expect(page).to.contain('http_requests_total{code="500",method="put"} 1\n');
    expect(page).to.contain('http_requests_total{code="405",method="head"} 1\n');
  });
});

for (const mode of ['serializing', 'streaming'] as const) {
  describeContract('of-watchdog', `from start to end, mode ${mode}`, (cases) => {
    lifecycle(cases, 'of-watchdog', { mode });

    cases.it('is ready while it is healthy and below its limit', async ({ start }) => {
      const [pidFile, releaseFile] = [temporaryPath(), temporaryPath()];
      const { url, lockPath } = await start({
        mode, fprocess: './waits-for-release', max_inflight: '1', PID_FILE: pidFile, RELEASE_FILE: releaseFile,
      }); // biome-ignore format: short
      const ready = async (method = 'GET') => (await fetch(`${url}/_/ready`, { method })).status;
      await until(() => existsSync(lockPath), 'the lock file');
      expect(await ready()).to.equal(200);
      expect(await ready('POST')).to.equal(405);
      const call = fetch(url);
      await until(() => existsSync(pidFile), 'the call started');
      expect(await ready()).to.equal(429);
      rmSync(lockPath);
      expect(await ready()).to.equal(503);
      await Bun.write(releaseFile, '');
      await (await call).text();
    });
  });
}
