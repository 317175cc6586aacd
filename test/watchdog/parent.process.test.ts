import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FromWatchdog } from '../../contract/watchdog-role.ts';
import { WATCHDOG_COMMAND } from '../provider-contract/open-processes.ts';
import { FIXTURES, isAlive, until } from './start-watchdog.ts';

interface Owned {
  readonly url: string;
  readonly child: Bun.Subprocess;
  readonly messages: readonly FromWatchdog[];
}

describe('a watchdog that belongs to its parent', () => {
  const children: Bun.Subprocess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'skep-owned-watchdog-'));
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await child.exited;
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = async (env: Record<string, string>): Promise<Owned> => {
    const messages: FromWatchdog[] = [];
    const listening = Promise.withResolvers<number>();
    const child = Bun.spawn([...WATCHDOG_COMMAND, FIXTURES], {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder, port: '1', ...env },
      stdio: ['ignore', 'ignore', 'ignore'],
      serialization: 'json',
      ipc: (message: FromWatchdog) => {
        messages.push(message);
        if (message.kind === 'listening') listening.resolve(message.port);
      },
    });
    children.push(child);
    void child.exited.then((code) => listening.reject(new Error(`it ended with ${code}`)));
    const port = await listening.promise;
    return { url: `http://127.0.0.1:${port}`, child, messages };
  };

  it('tells where it listens, which is on loopback alone, and writes no lock file', async () => {
    const { url } = await start({ fprocess: './prints-its-group' });
    expect((await fetch(`${url}/_/health`)).status).to.equal(200);
    const elsewhere = url.replace('127.0.0.1', '127.0.0.2');
    const error = await fetch(elsewhere).catch((cause: Error) => cause);
    expect(error).to.be.an.instanceOf(Error);
    expect(existsSync(join(folder, '.lock'))).to.equal(false);
  });

  it('runs its processes in the folder that it was given, and tells of each until it has ended', async () => {
    const { url, messages } = await start({ fprocess: 'pwd' });
    expect(await (await fetch(url, { method: 'POST' })).text()).to.equal(`${FIXTURES}\n`);
    const leaders = (kind: string): number[] =>
      messages.flatMap((one) => (one.kind === kind && 'leader' in one ? [one.leader] : []));
    await until(() => leaders('group_gone').length === 1, 'the process has ended');
    expect(leaders('group')).to.deep.equal(leaders('group_gone'));
  });

  it('hands on a header that is no UTF-8, as any watchdog does', async () => {
    const { url } = await start({ fprocess: 'env' });
    const { port } = new URL(url);
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = '';
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: Number(port),
      socket: {
        data: (_, bytes) => {
          text += Buffer.from(bytes).toString('latin1');
        },
        close: () => resolve(text),
      },
    });
    socket.write(
      Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nX-Odd: \xff\xfe\r\nConnection: close\r\n\r\n', 'latin1'),
    );
    expect(await promise).to.include('Http_X_Odd=\xff\xfe');
  });

  it('ends at once, with what it runs, when its parent has gone', async () => {
    const { child, url, messages } = await start({ fprocess: 'sleep 600' });
    const call = fetch(url, { method: 'POST' }).catch(() => {});
    await until(() => messages.some(({ kind }) => kind === 'group'), 'a process runs');
    const [group] = messages.filter((one) => one.kind === 'group');
    child.disconnect();
    await child.exited;
    await call;
    await until(() => !isAlive(group?.kind === 'group' ? group.leader : 0), 'the process is gone');
  });

  it('is no command for people', async () => {
    const child = Bun.spawn([...WATCHDOG_COMMAND], {
      env: { PATH: process.env['PATH'] ?? '' },
      stderr: 'pipe',
    });
    children.push(child);
    expect(await new Response(child.stderr).text()).to.equal(
      '__watchdog is how skep dev starts the watchdogs of functions: it is no command\n',
    );
    expect(await child.exited).to.equal(1);
  });

  it('does not start in a folder that is not there', async () => {
    const child = Bun.spawn([...WATCHDOG_COMMAND, '/nowhere'], {
      env: { PATH: process.env['PATH'] ?? '', fprocess: 'cat' },
      stderr: 'pipe',
      ipc: () => {},
    });
    children.push(child);
    expect(await new Response(child.stderr).text()).to.include('/nowhere');
    expect(await child.exited).to.equal(1);
  });
});
