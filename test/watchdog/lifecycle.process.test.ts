import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../watchdog/config.ts';
import { goDuration } from '../../watchdog/drain.ts';
import { isAlive, ours, startWatchdog, stopWatchdogs, until } from './start-watchdog.ts';

describe('the watchdog starts, tells its health and stops', () => {
  afterEach(stopWatchdogs);

  it('is healthy while its lock file is there', async () => {
    const { url, lockPath } = await startWatchdog({ fprocess: 'cat' });
    const health = await fetch(`${url}/_/health`);
    expect([health.status, await health.text()]).to.deep.equal([200, 'OK']);
    expect((await fetch(`${url}/_/health`, { method: 'POST' })).status).to.equal(405);
    rmSync(lockPath);
    expect((await fetch(`${url}/_/health`)).status).to.equal(503);
  });

  ours('is ready while it is healthy', async () => {
    const { url, lockPath } = await startWatchdog({ fprocess: 'cat' });
    expect((await fetch(`${url}/_/ready`)).status).to.equal(200);
    rmSync(lockPath);
    expect((await fetch(`${url}/_/ready`)).status).to.equal(503);
  });

  ours('needs no lock file with suppress_lock', async () => {
    const { url, lockPath, log } = await startWatchdog({ fprocess: 'cat', suppress_lock: 'true' });
    expect(existsSync(lockPath)).to.equal(false);
    expect((await fetch(`${url}/_/health`)).status).to.equal(200);
    expect(log()).to.contain('"suppress_lock" is enabled');
  });

  ours('ends with one message when the lock file cannot be written', async () => {
    const watchdog = await startWatchdog({ fprocess: 'cat', TMPDIR: '/no/such/folder' }, { waits: false });
    expect(await watchdog.exited()).to.equal(1);
    expect(watchdog.log()).to.contain(
      'cannot write /no/such/folder/.lock. To disable lock-file set env suppress_lock=true',
    );
  });

  ours('names every bad value at once and ends with 1', async () => {
    const env = {
      fprocess: '',
      port: '70000',
      exec_timeout: 'soon',
      write_debug: 'maybe',
      mode: 'afterburn',
      max_inflight: '-1',
    };
    const watchdog = await startWatchdog(env, { waits: false });
    expect(await watchdog.exited()).to.equal(1);
    for (const key of [
      'fprocess',
      'port=70000',
      'exec_timeout=soon',
      'write_debug=maybe',
      'mode=afterburn',
      'max_inflight=-1',
      'supported: fork, zygote, serializing, streaming, http, static',
    ]) {
      expect(watchdog.log()).to.contain(key);
    }
  });

  it('writes durations as Go does', () => {
    expect([0, 200, 1500, 90_000, 3_600_000].map(goDuration)).to.deep.equal([
      '0s',
      '200ms',
      '1.5s',
      '1m30s',
      '1h0m0s',
    ]);
  });

  it('refuses a protection that it cannot give', () => {
    expect(() => loadConfig({ fprocess: 'cat', jwt_auth: 'true' })).to.throw('jwt_auth');
  });

  ours('says when its port is taken', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    const second = await startWatchdog({ fprocess: 'cat', port: new URL(url).port }, { waits: false });
    expect(await second.exited()).to.equal(1);
    expect(second.log()).to.contain('cannot start');
  });

  it('answers -version and -run-healthcheck', async () => {
    const version = await startWatchdog({}, { args: ['-version'], waits: false });
    expect(await version.exited()).to.equal(0);
    expect(version.log()).to.match(/Version: .*\tSHA: /);
    const check = await startWatchdog({}, { args: ['-run-healthcheck'], waits: false });
    expect(await check.exited()).to.equal(1);
    expect(check.log()).to.contain('unable to find lock file.');
  });

  ours('refuses an unknown argument', async () => {
    const unknown = await startWatchdog({ fprocess: 'cat' }, { args: ['-help-me'], waits: false });
    expect(await unknown.exited()).to.equal(1);
  });

  it('on SIGTERM fails its health, finishes what is in flight and ends with 0', async () => {
    const base = join('/tmp', `skep-watchdog-drain-${process.pid}-${Date.now()}`);
    const watchdog = await startWatchdog({
      fprocess: './waits-for-release', healthcheck_interval: '200ms', PID_FILE: `${base}.pid`, RELEASE_FILE: `${base}.release`,
    }); // biome-ignore format: short
    const inFlight = fetch(watchdog.url);
    await until(() => existsSync(`${base}.pid`), 'the request started');
    watchdog.process.kill('SIGTERM');
    await watchdog.logged('SIGTERM: no new connections in 200ms');
    expect(existsSync(watchdog.lockPath)).to.equal(false);
    await watchdog.logged('No new connections allowed, draining: 1 requests');
    await Bun.write(`${base}.release`, '');
    const response = await inFlight;
    expect([response.status, await response.text()]).to.deep.equal([200, 'released\n']);
    expect(await watchdog.exited()).to.equal(0);
    expect(watchdog.log()).to.contain('Exiting. Active connections: 0');
  });

  ours('leaves no process behind when the drain takes too long', async () => {
    const pidFile = join('/tmp', `skep-watchdog-cut-${process.pid}-${Date.now()}`);
    const watchdog = await startWatchdog({
      fprocess: './ignores-sigterm',
      write_timeout: '0',
      exec_timeout: '0',
      PID_FILE: pidFile,
    });
    const cut = fetch(watchdog.url).then(
      () => 'answered',
      () => 'cut',
    );
    await until(() => existsSync(pidFile), 'the request started');
    const pid = Number(await Bun.file(pidFile).text());
    watchdog.process.kill('SIGTERM');
    expect(await watchdog.exited()).to.equal(0);
    expect(await cut).to.equal('cut');
    await until(() => !isAlive(pid), 'the process is dead');
  });
});
