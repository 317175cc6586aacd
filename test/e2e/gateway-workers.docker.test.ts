import { expect } from 'chai';
import type Docker from 'dockerode';
import { connectEngine } from '../../gateway/swarm/connect-engine.ts';
import { openPlatform, until } from '../support/platform.ts';
import { type OwnGateway, startOwnGateway } from '../zero-loss/own-gateway.ts';

const NAME = 'workers-test-gateway';

describe('a gateway of two workers in its container', function () {
  this.timeout(180_000);
  const docker: Docker = connectEngine();
  let gateway: OwnGateway;

  before(async () => {
    await openPlatform(); // with the function hello-ts
    gateway = await startOwnGateway(docker, NAME, ['gateway_workers=2']);
    await until('a call', async () => (await call()) === 200);
  });
  after(() => gateway?.remove());

  /** On a connection of its own, for the kernel to give it to either worker. */
  const call = async (): Promise<number> => {
    const headers = { connection: 'close' };
    const response = await fetch(`${gateway.url}/function/hello-ts`, {
      headers,
      method: 'POST',
      body: 'you',
    });
    await response.text();
    return response.status;
  };
  const container = async (): Promise<Docker.Container> => {
    const filters = JSON.stringify({ label: [`com.docker.swarm.service.name=${NAME}`], status: ['running'] });
    const [found] = await docker.listContainers({ filters });
    if (found === undefined) throw new Error('the gateway has no container');
    return docker.getContainer(found.Id);
  };
  /** Command lines by process id, as the container's own processes. */
  const processes = async (): Promise<Map<string, string>> => {
    const { Titles, Processes } = await (await container()).top({ ps_args: '-eo pid,args' });
    const [pid, args] = [Titles.indexOf('PID'), Titles.indexOf('COMMAND')];
    return new Map(Processes.map((fields: string[]) => [fields[pid] ?? '', fields[args] ?? '']));
  };
  const workers = async (): Promise<string[]> =>
    [...(await processes())].filter(([, args]) => args.endsWith(' worker')).map(([pid]) => pid);
  /** As a command in the container. The processes there have other ids: the newest worker is killed. */
  const killAWorker = async (): Promise<void> => {
    const script = `for f in /proc/[0-9]*; do tr '\\0' ' ' < $f/cmdline | grep -q 'worker $' && last=\${f#/proc/}; done; kill -9 $last`;
    const exec = await (await container()).exec({ Cmd: ['bash', '-c', script], AttachStderr: true });
    const stream = await exec.start({});
    stream.resume();
    await new Promise((resolve) => stream.once('end', resolve));
    expect((await exec.inspect()).ExitCode).to.equal(0);
  };

  it('runs as three processes of one executable', async () => {
    expect([...(await processes()).values()].sort()).to.deep.equal([
      '/usr/local/bin/gateway',
      '/usr/local/bin/gateway worker',
      '/usr/local/bin/gateway worker',
    ]);
  });

  it('has workers that are not root, and could not reach the engine', async () => {
    const { Titles, Processes } = await (await container()).top({ ps_args: '-eo pid,uid,args' });
    const [uid, args] = [Titles.indexOf('UID'), Titles.indexOf('COMMAND')];
    const users = Processes.map((fields: string[]) => [
      fields[args]?.endsWith(' worker'),
      fields[uid] === '0',
    ]);
    expect(users).to.deep.equal([
      [false, true],
      [true, false],
      [true, false],
    ]);
  });

  it('serves on while a worker is replaced, and leaves no dead process', async () => {
    const before = await workers();
    const { id } = await container();
    await killAWorker();
    const statuses: number[] = [];
    await until('two workers', async () => {
      statuses.push(await call().catch(() => 0));
      const now = await workers();
      return now.length === 2 && now.some((pid) => !before.includes(pid));
    });
    // One call may have been in the worker that died, and the next one on its way there.
    expect(statuses.filter((status) => status !== 200).length).to.be.at.most(2);
    for (let count = 0; count < 20; count++) expect(await call()).to.equal(200);
    expect((await container()).id).to.equal(id);
    expect([...(await processes()).values()].filter((args) => args.includes('defunct'))).to.deep.equal([]);
  });

  it('ends well when it is told to stop', async () => {
    const { id } = await container();
    await gateway.restart();
    const filters = JSON.stringify({ service: [NAME] });
    const tasks: { Status?: { ContainerStatus?: { ContainerID?: string; ExitCode?: number } } }[] =
      await docker.listTasks({ filters });
    const ended = tasks.find(({ Status }) => Status?.ContainerStatus?.ContainerID === id);
    expect(ended?.Status?.ContainerStatus?.ExitCode).to.equal(0);
  });
});
