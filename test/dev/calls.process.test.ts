import { expect } from 'chai';
import { type NatsServer, startNats } from '../support/nats-server.ts';
import { type DevProcess, DevProject } from './support/dev-project.ts';

describe('calls that nobody waits for, under skep dev', function () {
  this.timeout(30_000);
  let project: DevProject;
  let nats: NatsServer | undefined;

  beforeEach(() => {
    project = new DevProject();
    project.addShellTemplate();
    project.write('one/handler.sh', 'read -r x; echo "got $x"; echo "ran with $x" >&2\n');
    project.writeStack({ one: 'lang: shell\nhandler: ./one\nimage: one:latest' });
  });
  afterEach(async function () {
    await project.remove(this.currentTest);
    await nats?.close();
    nats = undefined;
  });

  const withNats = async (): Promise<string[]> => {
    nats = await startNats();
    return ['--nats', `${nats.host}:${nats.port}`];
  };
  const queues: Readonly<Record<string, { args: () => Promise<string[]>; said: RegExp }>> = {
    'in memory': { args: async () => ['--no-nats'], said: /^Queue +in memory/ },
    'in NATS': {
      args: withNats,
      said: /^Queue +NATS JetStream at 127\.0\.0\.1:\d+: asynchronous calls are kept/,
    },
  };

  for (const [where, { args, said }] of Object.entries(queues)) {
    it(`asynchronously: run from a queue ${where}, told of, and their results kept`, async () => {
      const dev = await project.dev(await args());
      await dev.line(said);
      await dev.line(/^Watching/);
      const { exitCode, output } = await project.skep(['invoke', 'one', '--async', '--wait'], 'work');
      expect(output).to.include('got work');
      expect(exitCode).to.equal(0);
      await dev.line(/^one +\| ran with work/);
    });

    it(`by schedule, with a queue ${where}`, async () => {
      project.write('one/handler.sh', 'echo tick >&2\n');
      project.replace(
        'stack.yaml',
        'lang: shell',
        'lang: shell\n    annotations: {topic: cron-function, schedule: "@every 1s"}',
      );
      const dev = await project.dev(await args());
      await dev.line(/^one +\| tick/);
      await dev.line(/^one +\| tick/);
    });
  }

  it('are kept in NATS from one run to the next, and lost in memory, which is said', async () => {
    const slow = async (dev: DevProcess): Promise<void> => {
      await dev.line(/^Watching/);
      const { status } = await dev.call('/async-function/one', 'later', { 'X-Skep-Delay': '1h' });
      expect(status).to.equal(202);
    };
    const dev = await project.dev();
    await slow(dev);
    await dev.end('SIGINT');
    expect(dev.output).to.match(/^An asynchronous call waited in memory, and is lost/m);

    const args = await withNats();
    const kept = await project.dev(args);
    await slow(kept);
    await kept.end('SIGINT');
    expect(kept.output).to.not.include('lost');
    const again = await project.dev(args);
    await again.line(/^Watching/);
    expect((await project.skep(['calls'])).output).to.match(/one/);
  });

  it('end with a reason when the NATS server that is wanted is none, or not there', async () => {
    const plain = await startNats({ jetStream: false });
    nats = plain;
    const refused = await project.skep(['dev', '--port', '0', '--nats', `127.0.0.1:${plain.port}`]);
    expect(refused.output).to.match(
      /NATS server at 127\.0\.0\.1:\d+ cannot be the queue: it runs without JetStream/,
    );
    expect(refused.exitCode).to.equal(1);
    const absent = await project.skep(['dev', '--port', '0', '--nats', '127.0.0.1:1']);
    expect(absent.output).to.include('cannot be the queue: nothing listens there');
    const nonsense = await project.skep(['dev', '--port', '0', '--nats', 'a b']);
    expect(nonsense.output).to.include('--nats must be HOST:PORT');
  });
});
