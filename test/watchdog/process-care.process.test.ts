import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import { relay } from '../../http1/relay.ts';
import { RawPeer } from '../http1/raw-peer.ts';
import {
  isAlive,
  startWatchdog,
  stopWatchdogs,
  temporaryPath,
  until,
  type Watchdog,
} from './start-watchdog.ts';

const MODES = {
  fork: { mode: 'fork' },
  serializing: { mode: 'serializing' },
  streaming: { mode: 'streaming' },
} as const;
/** What a call gets whose process was killed at exec_timeout, having written `leader`. */
const TIMED_OUT = {
  fork: [408, 'Killed process.\n'],
  serializing: [500, 'signal: killed'],
  streaming: [200, 'leader\n'],
} as const;

const portOf = ({ url }: Watchdog): number => Number(new URL(url).port);
/** Without the sockets, which are as many as the clients keep. */
const openFiles = (pid: number): number =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => !nameOf(`/proc/${pid}/fd/${fd}`).startsWith('socket:'))
    .length;

function nameOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return 'socket: closed meanwhile';
  }
}
const peakMemoryKb = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

async function pidIn(file: string): Promise<number> {
  await until(() => existsSync(file) && readFileSync(file, 'utf8').trim() !== '', `a process in ${file}`);
  return Number(readFileSync(file, 'utf8').trim().split('\n')[0]);
}

for (const [name, settings] of Object.entries(MODES)) {
  const { mode } = settings;

  describe(`the processes of mode ${name}`, () => {
    const start = async (env: Record<string, string>): Promise<Watchdog & { pid: number }> => {
      const watchdog = await startWatchdog({ ...settings, ...env });
      return { ...watchdog, pid: watchdog.process.pid ?? 0 };
    };
    afterEach(stopWatchdogs);

    it('lead groups of their own', async () => {
      const { url } = await start({ fprocess: './prints-its-group' });
      const [pid, group] = (await (await fetch(url)).text()).trim().split(' ');
      expect(group).to.equal(pid);
    });

    it('get SIGTERM at their time limit', async () => {
      const [pidFile, seenFile] = [temporaryPath(), temporaryPath()];
      const { url } = await start({
        fprocess: './heeds-sigterm', exec_timeout: '1s', PID_FILE: pidFile, SEEN_FILE: seenFile,
      }); // biome-ignore format: short
      const response = await fetch(url);
      await response.text();
      // It ended with 0, but only because it was told to: the first cause counts.
      expect(response.status).to.equal(TIMED_OUT[mode][0]);
      expect(readFileSync(seenFile, 'utf8')).to.equal('heeded\n');
    });

    it('get SIGKILL when they do not heed it, and so do their children', async () => {
      for (const fixture of ['ignores-sigterm', 'forks-children']) {
        const pidFile = temporaryPath();
        const { url } = await start({ fprocess: `./${fixture}`, exec_timeout: '1s', PID_FILE: pidFile });
        expect((await fetch(url)).status).to.equal(TIMED_OUT[mode][0]);
        const pid = await pidIn(pidFile);
        await until(() => !isAlive(pid), `${fixture} is dead`);
        await stopWatchdogs();
      }
    });

    it('are waited for when they close their stdout early', async () => {
      const { url, logged } = await start({ fprocess: './closes-stdout-early' });
      const response = await fetch(url);
      const answers = {
        fork: [500, 'exit status 3\nearly\n'],
        serializing: [500, 'exit status 3'],
        streaming: [200, 'early\n'],
      };
      expect([response.status, await response.text()]).to.deep.equal(answers[mode]);
      if (mode !== 'fork') await logged('GET / - 500 - ');
    });

    it('take their children with them at the time limit, though they ended before', async () => {
      const pidFile = temporaryPath();
      const { url } = await start({
        fprocess: './leaves-a-child-with-its-stdout', exec_timeout: '1s', PID_FILE: pidFile,
      }); // biome-ignore format: short
      const response = await fetch(url);
      expect([response.status, await response.text()]).to.deep.equal([...TIMED_OUT[mode]]);
      const child = await pidIn(pidFile);
      await until(() => !isAlive(child), 'the child is dead');
    });

    it('hold no call longer through a child that left their group', async () => {
      const pidFile = temporaryPath();
      const { url, pid } = await start({
        fprocess: './leaves-a-child-in-another-session', exec_timeout: '1s', PID_FILE: pidFile,
      }); // biome-ignore format: short
      const before = openFiles(pid);
      const response = await fetch(url, { headers: { Connection: 'close' } });
      expect([response.status, await response.text()]).to.deep.equal([...TIMED_OUT[mode]]);
      const child = await pidIn(pidFile);
      expect(isAlive(child)).to.equal(true);
      await until(() => openFiles(pid) <= before, 'no descriptor is left open');
      process.kill(child, 'SIGKILL');
    });

    it('end when their client leaves, in the middle of its body or after it', async () => {
      const heads = [
        'GET / HTTP/1.1\r\nHost: a\r\nX-Behave: hang\r\n\r\n',
        'POST / HTTP/1.1\r\nHost: a\r\nX-Behave: swallow\r\nContent-Length: 3000000\r\n\r\n',
      ];
      for (const [at, head] of heads.entries()) {
        const pidFile = temporaryPath();
        const watchdog = await start({ fprocess: './behaves-as-asked', PID_FILE: pidFile });
        const client = await RawPeer.connect(portOf(watchdog));
        client.send(head);
        if (at === 1) client.send(Buffer.alloc(2_000_000));
        const pid = await pidIn(pidFile);
        client.destroy();
        await until(() => !isAlive(pid), 'the process is dead');
        if (mode !== 'fork') await watchdog.logged(' - 499 - ');
        const page = async () => (await fetch(watchdog.metricsUrl)).text();
        await until(
          async () => (await page()).includes('http_requests_total{code="499"'),
          'a call without an answer',
        );
        await stopWatchdogs();
      }
    });

    it('end when their client leaves though nobody reads its body', async () => {
      const pidFile = temporaryPath();
      const watchdog = await start({
        fprocess: './behaves-as-asked', PID_FILE: pidFile, exec_timeout: '1h', write_timeout: '1h',
      }); // biome-ignore format: short
      const client = await RawPeer.connect(portOf(watchdog));
      client.send('POST / HTTP/1.1\r\nHost: a\r\nX-Behave: hang\r\nContent-Length: 60000000\r\n\r\n');
      client.send(Buffer.alloc(60_000_000));
      const pid = await pidIn(pidFile);
      await client.untilReceived('H'); // the beginning of any answer, to see whether it is there
      expect(isAlive(pid)).to.equal(true);
      client.destroy();
      await until(() => !isAlive(pid), 'the process is dead');
      await watchdog.logged(mode === 'fork' ? 'Wrote 0 Bytes' : ' - 499 - ');
    });

    it('are said to have ended for the first of two causes', async () => {
      const pidFile = temporaryPath();
      const watchdog = await start({
        fprocess: './ignores-sigterm',
        exec_timeout: '1s',
        PID_FILE: pidFile,
      });
      const client = await RawPeer.connect(portOf(watchdog));
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const pid = await pidIn(pidFile);
      client.destroy(); // the time limit passes while the process is given its time to end
      await until(() => !isAlive(pid), 'the process is dead');
      await watchdog.logged(mode === 'fork' ? 'Wrote 0 Bytes' : ' - 499 - ');
      expect(watchdog.log()).not.to.contain('exec_timeout');
    });

    // What the relay does is the same in every mode.
    if (mode === 'fork')
      it('end when the client of a relay before the watchdog leaves though nobody reads its body', async () => {
        const pidFile = temporaryPath();
        const watchdog = await start({
          fprocess: './behaves-as-asked', PID_FILE: pidFile, exec_timeout: '1h', write_timeout: '1h',
        }); // biome-ignore format: short
        const pool = createPool({});
        const address = { hostname: '127.0.0.1', port: portOf(watchdog) };
        const between = listen({
          hostname: '127.0.0.1',
          onExchange: (exchange) => void relay(exchange, { pool, address, target: '/' }),
        });
        const client = await RawPeer.connect(between.port);
        client.send('POST / HTTP/1.1\r\nHost: a\r\nX-Behave: hang\r\nContent-Length: 60000000\r\n\r\n');
        client.send(Buffer.alloc(60_000_000));
        const pid = await pidIn(pidFile);
        await client.untilReceived('H');
        client.destroy();
        await until(() => !isAlive(pid), 'the process is dead');
        between.close();
        pool.close();
      });

    it('may print without end: others are served meanwhile, in little memory', async () => {
      const watchdog = await start({
        fprocess: './behaves-as-asked', combine_output: 'false', exec_timeout: '60s', write_timeout: '60s',
      }); // biome-ignore format: short
      for (const stream of [watchdog.process.stdout, watchdog.process.stderr]) {
        stream?.removeAllListeners('data');
        stream?.resume(); // somebody reads the log as fast as it comes
      }
      const printers: RawPeer[] = [];
      for (const behave of ['endless', 'endless-stderr', 'endless', 'endless-stderr', 'endless']) {
        const client = await RawPeer.connect(portOf(watchdog));
        client.keeps = false;
        client.send(`GET / HTTP/1.1\r\nHost: a\r\nX-Behave: ${behave}\r\n\r\n`);
        if (behave === 'endless') await client.until(() => client.receivedBytes > 10_000_000);
        printers.push(client);
      }
      for (let i = 0; i < 20; i++) {
        expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(200);
        expect(await (await fetch(watchdog.url, { method: 'POST', body: `echo ${i}` })).text()).to.equal(
          `echo ${i}`,
        );
      }
      expect(peakMemoryKb(watchdog.pid)).to.be.below(150_000);
      for (const client of printers) client.destroy();
      await until(
        () => readFileSync(`/proc/${watchdog.pid}/task/${watchdog.pid}/children`, 'utf8') === '',
        'all have ended',
      );
    });

    it('do not disturb each other: one hangs, one floods a client that does not read, others fail or never read', async function () {
      this.timeout(30_000);
      const pidFile = temporaryPath();
      const watchdog = await start({
        fprocess: './behaves-as-asked',
        exec_timeout: '60s',
        write_timeout: '60s',
        PID_FILE: pidFile,
      });
      const ask = (behave: string, body = new Uint8Array(0)) =>
        fetch(watchdog.url, { method: 'POST', body, headers: { 'X-Behave': behave } });
      const hanging = await RawPeer.connect(portOf(watchdog));
      hanging.send('GET / HTTP/1.1\r\nHost: a\r\nX-Behave: hang\r\n\r\n');
      const flooded = await RawPeer.connect(portOf(watchdog));
      flooded.send('GET / HTTP/1.1\r\nHost: a\r\nX-Behave: flood\r\n\r\n');
      await flooded.untilReceived('HTTP/1.1 200 OK');
      flooded.socket.pause();
      await pidIn(pidFile);
      for (let i = 0; i < 20; i++) {
        expect((await ask('fail')).status).to.equal(mode === 'streaming' ? 200 : 500);
        expect(await (await ask('unread', new Uint8Array(2_000_000))).text()).to.equal('unread\n');
        expect(await (await ask('', Buffer.from(`echo ${i}`))).text()).to.equal(`echo ${i}`);
      }
      flooded.keeps = false;
      flooded.socket.resume();
      await flooded.until(() => flooded.receivedBytes > 1_073_741_824);
      expect(peakMemoryKb(watchdog.pid)).to.be.below(150_000);
      hanging.destroy();
      flooded.destroy();
    });
  });
}
