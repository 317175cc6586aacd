import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { mostConnections } from '../../watchdog/most-connections.ts';
import { RawPeer } from '../http1/raw-peer.ts';
import {
  FROM_SOURCE,
  type Program,
  startWatchdog,
  stopWatchdogs,
  temporaryPath,
  until,
  type Watchdog,
} from './start-watchdog.ts';

const HANGING = 'POST / HTTP/1.1\r\nHost: a\r\nX-Behave: hang\r\nContent-Length: 0\r\n\r\n';
const MANY = 80;
const SOMEBODY = ['--reuid=65531', '--clear-groups'];

/** Ours, in a shell that sets a limit first. */
const limited = (limit: string): Program => ({
  command: ['bash', '-c', `${limit}; exec "$0" "$@"`, ...FROM_SOURCE.command],
  isPeer: false,
});

/** Many clients whose calls take for ever, where there is room for some. */
async function crowd(url: string): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  for (let i = 0; i < MANY; i++) {
    const peer = await RawPeer.connect(Number(new URL(url).port));
    peer.send(HANGING);
    peers.push(peer);
  }
  return peers;
}

async function servesAgain({ url }: Watchdog, peers: readonly RawPeer[]): Promise<void> {
  for (const peer of peers) peer.destroy();
  const echo = async () =>
    (await fetch(url, { method: 'POST', body: 'again', headers: { Connection: 'close' } })).text();
  await until(async () => (await echo().catch(() => '')) === 'again', 'it serves again');
}

const processorMs = (pid: number | undefined): number => {
  const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * 10;
};

describe('the watchdog, where there is little', function () {
  this.timeout(30_000);
  afterEach(stopWatchdogs);

  for (const mode of ['fork', 'serializing', 'streaming']) {
    it(`tells clients that there are no descriptors left for them, and rests while it has none (${mode})`, async () => {
      const watchdog = await startWatchdog(
        {
          mode,
          fprocess: './behaves-as-asked',
          PID_FILE: temporaryPath(),
          exec_timeout: '60s',
          write_timeout: '60s',
        },
        { program: limited('ulimit -n 64') },
      );
      const peers = await crowd(watchdog.url);
      const answered = () => peers.filter(({ received }) => received.includes('\r\n\r\n')).length;
      await until(() => answered() > MANY / 2, 'most are turned away');
      const turnedAway = peers.find(({ received }) => received.startsWith('HTTP/1.1 503'));
      expect(turnedAway?.received).to.contain('too many connections');
      const before = processorMs(watchdog.process.pid);
      await Bun.sleep(1000);
      expect(processorMs(watchdog.process.pid) - before).to.be.below(500);
      await servesAgain(watchdog, peers);
    });
  }

  it('serves on while strangers hold connections to its metrics', async () => {
    const watchdog = await startWatchdog({ fprocess: 'cat' }, { program: limited('ulimit -n 80') });
    const port = Number(new URL(watchdog.metricsUrl).port);
    const strangers: RawPeer[] = [];
    for (let i = 0; i < MANY; i++) strangers.push(await RawPeer.connect(port));
    await until(
      () => strangers.filter(({ received }) => received.startsWith('HTTP/1.1 503')).length > 0,
      'some are turned away',
    );
    for (let i = 0; i < 4; i++)
      expect((await fetch(watchdog.url, { method: 'POST', body: 'x' })).status).to.equal(200);
    for (const stranger of strangers) stranger.destroy();
    await until(async () => (await fetch(watchdog.metricsUrl)).ok, 'the metrics are there again');
  });

  it('answers 500 with the reason while no process can be started, and serves again when one can', async function () {
    // Root is not limited, and alone can become somebody else, who must be able to read this checkout.
    if (spawnSync('setpriv', [...SOMEBODY, 'test', '-r', FROM_SOURCE.command[1] ?? '']).status !== 0)
      this.skip();
    const folder = temporaryPath();
    const pidFile = temporaryPath();
    const watchdog = await startWatchdog(
      {
        fprocess: './behaves-as-asked',
        PID_FILE: pidFile,
        exec_timeout: '60s',
        write_timeout: '60s',
        suppress_lock: 'true',
        TMPDIR: folder,
      },
      {
        program: {
          command: ['setpriv', ...SOMEBODY, ...limited('ulimit -u 24').command],
          isPeer: false,
        },
      },
    );
    const peers = await crowd(watchdog.url);
    const failed = () =>
      peers.filter(({ received }) => received.includes('resource temporarily unavailable'));
    await until(() => failed().length > MANY / 2, 'most fail');
    expect(failed()[0]?.received).to.match(
      /^HTTP\/1\.1 500 [\s\S]*fork\/exec \.\/behaves-as-asked: resource temporarily unavailable\n$/,
    );
    await servesAgain(watchdog, peers);
  });
});

describe('mostConnections', () => {
  const limits = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 1048576              files     \n`;

  it('leaves descriptors for what the connections ask for', () => {
    expect(mostConnections({ mode: 'fork', prefork: 0 }, limits('1016'))).to.equal(200);
    expect(mostConnections({ mode: 'http', prefork: 0 }, limits('1016'))).to.equal(333);
    expect(mostConnections({ mode: 'fork', prefork: 10 }, limits('1016'))).to.equal(186);
    expect(mostConnections({ mode: 'fork', prefork: 0 }, limits('16'))).to.equal(4);
  });

  it('sets no limit where there is none, or none is known', () => {
    for (const text of [limits('unlimited'), ''])
      expect(mostConnections({ mode: 'static', prefork: 0 }, text)).to.equal(Number.POSITIVE_INFINITY);
  });
});
