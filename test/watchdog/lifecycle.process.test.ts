import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../watchdog/config.ts';
import { goDuration } from '../../watchdog/drain.ts';
import {
  FROM_SOURCE,
  isAlive,
  startWatchdog,
  stopWatchdogs,
  temporaryPath,
  until,
} from './start-watchdog.ts';

describe('the watchdog starts, tells its health and stops', () => {
  afterEach(stopWatchdogs);

  it('names every bad value at once and ends with 1', async () => {
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

  it('says when its port is taken', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    const second = await startWatchdog({ fprocess: 'cat', port: new URL(url).port }, { waits: false });
    expect(await second.exited()).to.equal(1);
    expect(second.log()).to.contain('cannot start');
  });

  it('refuses an unknown argument', async () => {
    const unknown = await startWatchdog({ fprocess: 'cat' }, { args: ['-help-me'], waits: false });
    expect(await unknown.exited()).to.equal(1);
  });

  it('finishes what is in flight though its lock file cannot be removed', async () => {
    const [pidFile, releaseFile] = [temporaryPath(), temporaryPath()];
    const watchdog = await startWatchdog({
      fprocess: './waits-for-release',
      PID_FILE: pidFile,
      RELEASE_FILE: releaseFile,
    });
    const call = fetch(watchdog.url);
    await until(() => existsSync(pidFile), 'the request started');
    rmSync(watchdog.lockPath);
    mkdirSync(watchdog.lockPath);
    watchdog.process.kill('SIGTERM');
    await watchdog.logged('cannot remove ');
    await Bun.write(releaseFile, '');
    expect(await (await call).text()).to.equal('released\n');
    expect(await watchdog.exited()).to.equal(0);
  });

  it('takes its processes along when its terminal ends it', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGHUP', 129],
      ['SIGQUIT', 131],
    ] as const) {
      const pidFile = temporaryPath();
      const watchdog = await startWatchdog({ fprocess: './ignores-sigterm', PID_FILE: pidFile });
      void fetch(watchdog.url).catch(() => {});
      await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', 'the request started');
      watchdog.process.kill(signal);
      expect(await watchdog.exited()).to.equal(code);
      await until(() => !isAlive(Number(readFileSync(pidFile, 'utf8'))), 'the process is dead');
    }
  });

  it('buries what its processes leave behind where there is no init', async function () {
    this.timeout(20_000);
    const own = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    if (spawnSync('unshare', [...own.slice(1), 'true']).status !== 0) this.skip(); // only root may
    const program = { command: [...own, ...FROM_SOURCE.command], isPeer: false };
    const watchdog = await startWatchdog({ fprocess: './leaves-orphans', write_timeout: '60s' }, { program });
    const { url } = watchdog;
    const orphans = async () =>
      (await (await fetch(url)).text())
        .trim()
        .split('\n')
        .filter((line) => / Z /.test(line)).length;
    for (let i = 0; i < 20; i++) await orphans();
    await until(async () => (await orphans()) <= 1, 'the orphans are buried');
    expect((await fetch(url)).status).to.equal(200);
    watchdog.process.kill('SIGKILL'); // unshare itself, which takes all of them along
    await watchdog.exited();
  });

  it('leaves no process behind when the drain takes too long', async () => {
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
