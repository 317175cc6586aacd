import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseReport } from '../../watchdog/zygote/reports.ts';
import { isAlive, startWatchdog, stopWatchdogs, until, type Watchdog } from './start-watchdog.ts';

const TEMPLATE = join(import.meta.dirname, '../../templates/python');
const PYTHON = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).stdout?.trim();
const LOADED = 'zygote: the function is loaded\n';

describe('the watchdog, mode zygote', function () {
  this.timeout(20_000);
  const folders: string[] = [];
  afterEach(async () => {
    await stopWatchdogs();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  async function start(handler: string, env: Record<string, string> = {}): Promise<Watchdog> {
    if (!PYTHON) throw new Error('these tests need python3 on the PATH');
    const folder = mkdtempSync(join(tmpdir(), 'skep-zygote-'));
    folders.push(folder);
    cpSync(TEMPLATE, folder, { recursive: true });
    writeFileSync(join(folder, 'function/handler.py'), handler);
    return startWatchdog(
      { fprocess: `${PYTHON} index.py`, mode: 'zygote', cgi_response: 'true', ...env },
      { cwd: folder },
    );
  }
  async function loaded(handler: string, env: Record<string, string> = {}): Promise<Watchdog> {
    const watchdog = await start(handler, env);
    await watchdog.logged(LOADED);
    return watchdog;
  }

  it('loads the function once, and serves each call in a process of its own', async () => {
    const { url } = await loaded(`import os
LOADED_BY = os.getpid()
seen = []
def handle(event, context):
    seen.append(1)
    return {"loadedBy": LOADED_BY, "pid": os.getpid(), "seen": len(seen)}
`);
    const calls: { loadedBy: number; pid: number; seen: number }[] = [];
    for (let i = 0; i < 5; i++) calls.push((await (await fetch(url)).json()) as (typeof calls)[number]);
    expect(new Set(calls.map(({ loadedBy }) => loadedBy)).size).to.equal(1);
    expect(new Set(calls.map(({ pid }) => pid)).size).to.equal(5);
    expect(calls.map(({ seen }) => seen)).to.deep.equal([1, 1, 1, 1, 1]);
  });

  it('is healthy once the function is loaded', async () => {
    const release = join(tmpdir(), `skep-zygote-${process.pid}-release`);
    rmSync(release, { force: true });
    const watchdog = await start(`import os, time
while not os.path.exists(${JSON.stringify(release)}):
    time.sleep(0.01)
def handle(event, context):
    return "served"
`);
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(503);
    const early = fetch(watchdog.url); // waits for it
    writeFileSync(release, '');
    await watchdog.logged(LOADED);
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(200);
    expect(await (await early).text()).to.equal('served');
    rmSync(release);
  });

  it('tells exit codes and signals as forked processes do', async () => {
    const { url } = await loaded(`import os, signal
def handle(event, context):
    if event.path == "/exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGSEGV)
`);
    const exit = await fetch(`${url}/exit`);
    expect([exit.status, await exit.text()]).to.deep.equal([500, 'exit status 3\n']);
    const signal = await fetch(url);
    expect([signal.status, await signal.text()]).to.deep.equal([500, 'signal: segmentation fault\n']);
  });

  it('mixes stderr into the output where that is asked for', async () => {
    const { url } = await loaded(
      `import os, sys
def handle(event, context):
    os.write(2, b"Status: 203\\nX-From: stderr\\n\\n")
    os._exit(0)
`,
      { combine_output: 'true', cgi_response: 'false' },
    );
    expect(await (await fetch(url)).text()).to.equal('Status: 203\nX-From: stderr\n\n');
  });

  it('ends the whole group at exec_timeout, and when the client leaves', async () => {
    const pidFile = join(tmpdir(), `skep-zygote-${process.pid}-pid`);
    rmSync(pidFile, { force: true });
    const handler = `import os, subprocess
def handle(event, context):
    child = subprocess.Popen(["sleep", "600"])
    open(os.environ["PID_FILE"] + ".new", "w").write(str(child.pid))
    os.rename(os.environ["PID_FILE"] + ".new", os.environ["PID_FILE"])
    child.wait()
`;
    const limited = await loaded(handler, { exec_timeout: '700ms', PID_FILE: pidFile });
    const response = await fetch(limited.url);
    expect([response.status, await response.text()]).to.deep.equal([408, 'Killed process.\n']);
    const first = Number(readFileSync(pidFile, 'utf8'));
    await until(() => !isAlive(first), 'its child is dead');
    rmSync(pidFile);
    const watchdog = await loaded(handler, { PID_FILE: pidFile });
    const socket = connect(Number(new URL(watchdog.url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => existsSync(pidFile), 'the call runs');
    const second = Number(readFileSync(pidFile, 'utf8'));
    socket.destroy();
    await until(() => !isAlive(second), 'its child is dead');
    rmSync(pidFile);
  });

  it('passes long bodies and headers through whole', async () => {
    const { url } = await loaded('def handle(event, context):\n    return event.body', { RAW_BODY: 'true' });
    for (const size of [0, 70_000, 12_000_000]) {
      const body = Buffer.alloc(size, 'abcdefghijk');
      const answer = await (await fetch(url, { method: 'POST', body })).arrayBuffer();
      expect(Buffer.from(answer).equals(body), String(size)).to.equal(true);
    }
    const long = await loaded('def handle(event, context):\n    return str(len(event.headers["x-long"]))');
    const response = await fetch(long.url, { headers: { 'X-Long': 'a'.repeat(400_000) } });
    expect([response.status, await response.text()]).to.deep.equal([200, '400000']);
  });

  it('serves many at once', async () => {
    const watchdog = await loaded('def handle(event, context):\n    return event.body');
    const answers = await Promise.all(
      Array.from({ length: 150 }, async (_, i) =>
        (await fetch(watchdog.url, { method: 'POST', body: `number ${i}` })).text(),
      ),
    );
    expect(answers).to.deep.equal(Array.from({ length: 150 }, (_, i) => `number ${i}`));
  });

  it('starts the zygote again when it ends, and fails the calls it took along', async () => {
    const pidFile = join(tmpdir(), `skep-zygote-${process.pid}-running`);
    rmSync(pidFile, { force: true });
    const watchdog = await loaded(
      `import os, time
LOADED_BY = os.getpid()
def handle(event, context):
    if event.path == "/wait":
        open(os.environ["PID_FILE"], "w").write(str(os.getpid()))
        time.sleep(600)
    return str(LOADED_BY)
`,
      { PID_FILE: pidFile },
    );
    const zygote = Number(await (await fetch(watchdog.url)).text());
    const running = fetch(`${watchdog.url}/wait`);
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', 'the call runs');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    process.kill(zygote, 'SIGKILL');
    const lost = await running;
    expect([lost.status, await lost.text()]).to.deep.equal([500, 'signal: killed\n']);
    await until(() => !isAlive(pid) || isZombie(pid), 'its process is dead');
    await watchdog.logged('zygote: ended: signal SIGKILL; the next start in 0ms\n');
    const next = Number(await (await fetch(watchdog.url)).text());
    expect(next).not.to.equal(zygote);
    rmSync(pidFile);
  });

  it('answers a call at once whose process was killed before it was heard of, and serves the next', async () => {
    const watchdog = await startWatchdog({
      fprocess: './loses-its-first-call', mode: 'zygote', write_timeout: '0', exec_timeout: '0',
    }); // biome-ignore format: short
    const lost = await fetch(watchdog.url, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(lost.status).to.equal(500);
    expect(await lost.text()).to.contain('ended before it began: nothing was run, send it again');
    expect(await (await fetch(watchdog.url)).text()).to.equal('call 2\n');
  });

  it('keeps the time limit of a call that a zygote has taken and does nothing with', async () => {
    const { url, process: watchdog } = await loaded('def handle(event, context):\n    return "served"', {
      exec_timeout: '300ms',
    });
    await (await fetch(url)).text();
    const [zygote = 0] = childrenOf(watchdog.pid ?? 0);
    process.kill(zygote, 'SIGSTOP');
    await until(() => isStopped(zygote), 'the zygote has stopped'); // until then it may fork
    const stopped = [zygote, ...childrenOf(zygote)];
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    const response = await fetch(url);
    expect([response.status, await response.text()]).to.deep.equal([408, 'Killed process.\n']);
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    await until(async () => (await (await fetch(url)).text()) === 'served', 'it serves again');
  });

  it('answers every call while processes are killed at any moment', async () => {
    const watchdog = await loaded('def handle(event, context):\n    return "served"', {
      write_timeout: '0',
      exec_timeout: '0',
      prefork: '2',
    });
    const [zygote = 0] = childrenOf(watchdog.process.pid ?? 0);
    let isDone = false;
    const killing = (async () => {
      while (!isDone) {
        for (const pid of childrenOf(zygote)) if (Math.random() < 0.2) tryKill(pid);
        await Bun.sleep(5);
      }
    })();
    const texts = new Map<string, number>();
    for (let i = 0; i < 60; i++) {
      const answers = await Promise.all(
        Array.from({ length: 4 }, async () => (await fetch(watchdog.url)).text()),
      );
      for (const text of answers) texts.set(text, (texts.get(text) ?? 0) + 1);
    }
    isDone = true;
    await killing;
    expect(
      [...texts.keys()].every((text) => /^served$|^signal: killed\n|send it again\n$/.test(text)),
      [...texts.keys()].join(),
    ).to.equal(true);
    // The last that were killed may not have been heard of yet.
    await until(async () => (await (await fetch(watchdog.url)).text()) === 'served', 'it serves again');
  });

  it('answers 500 while the function cannot be loaded, and tries again later each time', async () => {
    const watchdog = await start('raise Exception("cannot be loaded")');
    for (const ms of [100, 200, 400])
      await watchdog.logged(`zygote: ended: exit status 1; the next start in ${ms}ms\n`);
    await watchdog.logged('cannot be loaded');
    const response = await fetch(watchdog.url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('has ended: exit status 1; its log says why');
    expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(503);
  });

  it('says when there is no such program', async () => {
    const watchdog = await startWatchdog({ fprocess: 'no-such-program', mode: 'zygote' });
    const response = await fetch(watchdog.url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('executable file not found in $PATH');
  });

  it('warns of threads that the forked processes will not have', async () => {
    const watchdog = await loaded(`import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def handle(event, context):
    return str(threading.active_count())
`);
    await watchdog.logged('the handler started threads while it was loaded');
    expect(await (await fetch(watchdog.url)).text()).to.equal('1');
  });

  it('leaves nothing behind when it stops, told to or killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const watchdog = await loaded(
        'import os\nZ = os.getpid()\ndef handle(event, context):\n    return str(Z)',
        {
          prefork: '3',
        },
      );
      const zygote = Number(await (await fetch(watchdog.url)).text());
      await until(() => childrenOf(zygote).length > 1, 'some wait');
      const all = [zygote, ...childrenOf(zygote)];
      watchdog.process.kill(signal);
      await watchdog.exited();
      await until(() => all.every((pid) => !isAlive(pid) || isZombie(pid)), `all have ended at ${signal}`);
    }
  });
});

describe('parseReport', () => {
  it('reads what a zygote says', () => {
    expect(parseReport('ready 1')).to.deep.equal({ kind: 'ready' });
    expect(parseReport('started 7 4711')).to.deep.equal({ kind: 'started', id: 7, pid: 4711 });
    expect(parseReport('ended 4711 3')).to.deep.equal({ kind: 'ended', pid: 4711, exit: { exitCode: 3 } });
    expect(parseReport('ended 4711 -9')).to.deep.equal({ kind: 'ended', pid: 4711, exit: { signalCode: 'SIGKILL' } });
    expect(parseReport('failed 7 Too many open files')).to.deep.equal({ kind: 'failed', id: 7, reason: 'Too many open files' });
  }); // biome-ignore format: a table

  it('refuses anything else', () => {
    for (const line of ['', 'ready', 'ready 2', 'started 7', 'started 7 0', 'started 7 -1', 'started x 1', 'ended 7', 'ended 7 x'])
      expect(() => parseReport(line), line).to.throw('is no report');
  }); // biome-ignore format: a table
});

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function isStopped(pid: number): boolean {
  return / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true; // it has gone altogether
  }
}
