import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { freePort } from '../support/free-port.ts';
import {
  isAlive,
  startWatchdog,
  stopWatchdogs,
  temporaryPath,
  until,
  type Watchdog,
} from './start-watchdog.ts';

const CLIENTS = 16;
const ALL = 10_000;
/** Where each call costs more than a fork. `npm run test:soak` makes all of them. */
const FEWER = process.env['SKEP_SOAK'] ? ALL : 2000;
/** Among so many calls one has a body that is streamed, and one a client that leaves. */
const LONG_EVERY = 50;
const LEAVES_EVERY = 40;

interface Subject {
  readonly start: () => Promise<Watchdog>;
  readonly calls: number;
  /** Request lines and headers, taken in turn. */
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers?: Record<string, string>;
  }[];
  /** Processes that are there while no call is: a pool, a zygote and its child, a server. */
  readonly restingProcesses: number;
}

const behaves = (behave: string) => ({ method: 'POST', path: '/', headers: { 'X-Behave': behave } });
const ASKED = ['', '', 'fail', 'unread'].map(behaves);

const SUBJECTS: Record<string, Subject> = {
  fork: {
    start: () => startWatchdog({ fprocess: './behaves-as-asked' }),
    calls: ALL,
    requests: ASKED,
    restingProcesses: 0,
  },
  serializing: {
    start: () => startWatchdog({ mode: 'serializing', fprocess: './behaves-as-asked' }),
    calls: FEWER,
    requests: ASKED,
    restingProcesses: 0,
  },
  streaming: {
    start: () => startWatchdog({ mode: 'streaming', fprocess: './behaves-as-asked' }),
    calls: FEWER,
    requests: ASKED,
    restingProcesses: 0,
  },
  prefork: {
    start: () =>
      startWatchdog({ fprocess: './waits-ahead cat', prefork: '4', TELLS: '', combine_output: 'false' }),
    calls: FEWER,
    requests: [{ method: 'POST', path: '/' }],
    // Each is a shell with a `cat` that reads descriptor 3.
    restingProcesses: 8,
  },
  zygote: {
    start: async () => {
      const watchdog = await startWatchdog(
        { mode: 'zygote', fprocess: `${python()} index.py`, cgi_response: 'true' },
        { cwd: pythonFunction() },
      );
      await watchdog.logged('zygote: the function is loaded\n');
      return watchdog;
    },
    calls: FEWER,
    requests: [
      { method: 'POST', path: '/' },
      { method: 'POST', path: '/exit' },
    ],
    restingProcesses: 2,
  },
  http: {
    start: async () => {
      const port = freePort();
      const watchdog = await startWatchdog({
        mode: 'http', fprocess: 'node serves-http.mjs', upstream_url: `http://127.0.0.1:${port}`, UPSTREAM_PORT: String(port),
      }); // biome-ignore format: short
      await until(async () => (await fetch(`${watchdog.url}/_/health`)).ok, 'it is healthy');
      return watchdog;
    },
    calls: ALL,
    requests: [
      { method: 'POST', path: '/same' },
      { method: 'POST', path: '/count' },
      { method: 'POST', path: '/moved' },
    ],
    restingProcesses: 1,
  },
  static: {
    start: () => startWatchdog({ mode: 'static', static_path: folderOfFiles() }),
    calls: ALL,
    requests: [
      { method: 'GET', path: '/' },
      { method: 'GET', path: '/large' },
      { method: 'GET', path: '/large', headers: { Range: 'bytes=1-20, 30-40' } },
      { method: 'GET', path: '/missing' },
      { method: 'GET', path: '/folder/' },
      { method: 'HEAD', path: '/large' },
    ],
    restingProcesses: 0,
  },
};

for (const [name, { start, calls, requests, restingProcesses }] of Object.entries(SUBJECTS)) {
  describe(`${calls} calls in mode ${name}`, function () {
    this.timeout(400_000);
    afterEach(stopWatchdogs);

    it('leave no zombie, no process and no descriptor behind', async () => {
      const { url, metricsUrl, process: watchdog } = await start();
      const pid = watchdog.pid ?? 0;
      const one = async (i: number): Promise<void> => {
        const { method, path, headers = {} } = requests[i % requests.length] ?? { method: 'GET', path: '/' };
        const body = i % LONG_EVERY === 0 ? Buffer.alloc(1_500_000) : Buffer.from('x');
        if (i % LEAVES_EVERY === 0) return leave(url, method === 'POST' ? body : undefined, i);
        const init = { method, redirect: 'manual', ...(method === 'POST' && { body }) } as const;
        const connection = i % 10 === 0 ? 'keep-alive' : 'close';
        const response = await fetch(`${url}${path}`, {
          ...init,
          headers: { ...headers, Connection: connection },
        });
        await response.arrayBuffer();
      };
      const all = async (count: number): Promise<void> => {
        let next = 0;
        const client = async (): Promise<void> => {
          while (next < count) await one(next++);
        };
        await Promise.all(Array.from({ length: CLIENTS }, client));
      };
      const rests = async (): Promise<void> => {
        const inFlight = async () => /_in_flight (\d+)/.exec(await (await fetch(metricsUrl)).text())?.[1];
        await until(async () => (await inFlight()) === '0', 'no call in flight');
        await until(
          () => descendants(pid).length === restingProcesses,
          `${restingProcesses} processes, zombies counted`,
        );
      };
      await all(64);
      await rests();
      const before = open(pid);
      const servants = descendants(pid).filter((child) => restingProcesses > 0 && isAlive(child));
      const servantsBefore = servants.map((child) => open(child).files);
      await all(calls);
      await rests();
      await until(() => open(pid).files <= before.files, `no more descriptors than ${before.files}`);
      await until(
        () => open(pid).sockets <= before.sockets + CLIENTS,
        'no sockets but those that clients keep',
      );
      // A server and a zygote live on; of what waited nothing may be there any more.
      for (const [i, servant] of servants.entries()) {
        if (isAlive(servant)) expect(open(servant).files).to.be.at.most(servantsBefore[i] ?? 0);
      }
    });
  });
}

/** A client that goes away in the middle of its request, or before its answer. */
async function leave(url: string, body: Uint8Array | undefined, i: number): Promise<void> {
  const peer = await RawPeer.connect(Number(new URL(url).port));
  peer.send(
    `${body === undefined ? 'GET' : 'POST'} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body?.length ?? 0}\r\n\r\n`,
  );
  if (body !== undefined && i % 3 > 0) peer.send(body.subarray(0, body.length / (i % 3)));
  if (i % 2 === 0) await Bun.sleep(i % 5);
  if (i % 4 === 0) peer.socket.resetAndDestroy();
  else peer.destroy();
}

/** Open descriptors; sockets apart, for clients keep some. */
function open(pid: number): { readonly files: number; readonly sockets: number } {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return 'closed meanwhile';
    }
  });
  const sockets = links.filter((link) => link.startsWith('socket:')).length;
  const files = links.filter((link) => link !== 'closed meanwhile').length - sockets;
  return { files, sockets };
}

/** Children and theirs, those too that have ended and were not reaped. */
function descendants(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '))
      .filter((text) => text !== '')
      .map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // it has ended meanwhile
  }
}

function python(): string {
  const { stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return stdout.trim();
}

function pythonFunction(): string {
  const folder = temporaryPath();
  cpSync(join(import.meta.dirname, '../../templates/python'), folder, { recursive: true });
  const handler = `import os
def handle(event, context):
    if event.path == "/exit":
        os._exit(3)
    return event.body
`;
  writeFileSync(join(folder, 'function/handler.py'), handler);
  return folder;
}

function folderOfFiles(): string {
  const folder = temporaryPath();
  mkdirSync(join(folder, 'folder'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), 'hello');
  writeFileSync(join(folder, 'large'), Buffer.alloc(300_000));
  return folder;
}
