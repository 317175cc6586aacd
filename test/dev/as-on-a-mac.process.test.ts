import { expect } from 'chai';
import { DevProject } from './support/dev-project.ts';
import { SimulatedMac } from './support/simulated-mac.ts';

const SHELL = 'lang: shell\nhandler: ./one\nimage: one:latest';

describe('skep dev as on a Mac', function () {
  this.timeout(60_000);
  const mac = new SimulatedMac();
  let project: DevProject;

  before(function () {
    const why = mac.make();
    if (why === undefined) return;
    console.log(`      skipped: ${why}`);
    this.skip();
  });
  after(() => mac.remove());
  beforeEach(() => {
    project = new DevProject();
    project.program = mac.program;
    Object.assign(project.env, mac.env);
    project.addShellTemplate();
    project.write('one/handler.sh', 'printf "%s " "$Http_X_Odd"; cat\n');
  });
  afterEach(function () {
    return project.remove(this.currentTest);
  });

  it('runs functions, edits and what is asked of it', async () => {
    project.writeStack({ one: SHELL });
    await project.skep(['new', 'ts', '--lang', 'typescript', '-q', '--append', 'stack.yaml']);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect((await project.skep(['admin', 'health'])).output).to.include('on this machine (darwin');
    expect((await dev.call('one')).text, dev.output).to.equal(' hi');
    expect((await dev.call('ts')).text, dev.output).to.include('Hello from TypeScript');
    project.write('one/handler.sh', 'echo edited\n');
    await dev.line(/^one +\| reloaded/);
    expect((await dev.call('one')).text).to.equal('edited\n');
    expect(dev.gatewayFolder).to.match(/^\/tmp\/skep-gateway-/);
    expect(await dev.end('SIGINT')).to.equal(0);
  });

  it('gives functions bytes that are no text, and answers of any length', async () => {
    project.writeStack({ one: SHELL });
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const body = 'x'.repeat(3_000_000);
    const odd = await fetch(`${dev.url}/function/one`, {
      method: 'POST',
      body,
      headers: { 'X-Odd': 'é\xff' },
    });
    const bytes = Buffer.from(await odd.arrayBuffer());
    expect(bytes.subarray(0, 3).toString('latin1')).to.equal('é\xff ');
    expect(bytes.length).to.equal(3 + body.length);
  });

  it('gives functions their bodies by pipes: a Mac has no files in memory', async () => {
    project.write('one/handler.sh', 'readlink /proc/self/fd/0; wc -c\n');
    project.writeStack({ one: SHELL });
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect((await dev.call('one', 'x'.repeat(1_000_000))).text).to.match(/^pipe:\S+\n1000000\n$/);
    project.write('one/handler.sh', 'echo unread\n');
    await dev.line(/reloaded/);
    expect((await dev.call('one', 'x'.repeat(1_000_000))).text).to.equal('unread\n');
  });

  it('has processes that wait for their calls, by template', async function () {
    if (Bun.which('node') === null) this.skip();
    project.writeStack({});
    await project.skep(['new', 'ahead', '--lang', 'node', '-q', '--append', 'stack.yaml']);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    for (let i = 0; i < 3; i++)
      expect((await dev.call('ahead')).text, dev.output).to.include('Hello from Node.js');
  });

  it('runs once in a project, and leaves nothing when it is killed', async () => {
    project.write('one/handler.sh', 'sleep 604\n');
    project.writeStack({ one: SHELL });
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const second = await project.skep(['dev', '--port', '0', '--no-nats']);
    expect(second.output).to.include('in use by another skep dev');
    const call = dev.call('one').catch(() => undefined);
    const isSleeping = async (): Promise<boolean> => {
      const listed = Bun.spawn(['ps', 'axo', 'args='], { stdout: 'pipe' });
      return /^sleep 604$/m.test(await new Response(listed.stdout).text());
    };
    while (!(await isSleeping())) await Bun.sleep(20);
    await dev.end('SIGKILL');
    await call;
    while (await isSleeping()) await Bun.sleep(20);
  });

  it('takes no port and no login from who listens on all addresses', async () => {
    project.writeStack({ one: SHELL });
    const killed = await project.dev();
    await killed.line(/^Watching/);
    await killed.end('SIGKILL');
    const port = Number(new URL(killed.url).port);
    using _server = Bun.serve({ hostname: '0.0.0.0', port, reusePort: true, fetch: () => new Response() });
    const refused = await project.skep(['dev', '--port', String(port), '--no-nats']);
    expect(refused.output).to.include(`Port ${port} of 127.0.0.1 cannot be had: another program listens`);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    expect(project.read('.login/config.yml')).to.include(killed.url).and.to.include(dev.url);
  });
});
