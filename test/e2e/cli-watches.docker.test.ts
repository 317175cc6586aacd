import { expect } from 'chai';
import { emptyFolder, type Folder, type Ran, skep, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const [ONE, TWO, BROKEN] = ['e2e-watch-one', 'e2e-watch-two', 'e2e-watch-broken'];

describe('what the CLI watches on the running platform', function () {
  this.timeout(120_000);
  let folder: Folder;
  let platform: Platform;
  let image: string;
  const deploy = (name: string, of: string, ...args: readonly string[]): Promise<Ran> =>
    skep(folder.path, ['deploy', '--name', name, '--image', of, '--wait', ...args]);

  before(async () => {
    platform = await openPlatform();
    folder = emptyFolder();
    image = await platform.exampleImage();
  });
  after(async () => {
    for (const name of [ONE, TWO, BROKEN]) await skep(folder.path, ['remove', name]);
    folder.remove();
  });

  it('waits for a deployment until it can be called', async () => {
    for (const name of [ONE, TWO]) {
      const ran = succeeded('deploy', await deploy(name, image));
      expect(ran.stdout).to.match(new RegExp(`^Ready: ${name} \\(1/1 replicas, [\\d.]+s\\)$`, 'm'));
      const called = await fetch(`${platform.url}/function/${name}`, { method: 'POST', body: 'x' });
      expect(called.status).to.equal(200);
    }
  });

  it("fails with the engine's reason when there is no such image", async () => {
    const ran = await deploy(BROKEN, 'nosuch/image:1');
    expect(ran.stdout).to.match(/Deployed, but not running:\n- e2e-watch-broken: .*nosuch\/image:1/);
    expect(ran.exitCode).to.equal(1);
  });

  it('fails in time when no node suits, and says so', async () => {
    const ran = await deploy(BROKEN, image, '--constraint', 'node.labels.nosuch==1', '--wait-timeout', '3s');
    expect(ran.stdout).to.match(/- e2e-watch-broken: not ready after .*no suitable node/);
    expect(ran.exitCode).to.equal(1);
  });

  it('has the logs of several functions in one', async () => {
    await until('both have a log', async () => {
      const ran = succeeded('logs', await skep(folder.path, ['logs', ONE, TWO, '--follow=false']));
      return [ONE, TWO].every((name) =>
        new RegExp(`^${name} .* Listening on port: 8080`, 'm').test(ran.stdout),
      );
    });
  });

  it('sees calls, replicas and durations at the top', async () => {
    let isOver = false;
    const calls = (async () => {
      while (!isOver) await fetch(`${platform.url}/function/${ONE}`, { method: 'POST', body: 'x' });
    })();
    try {
      const ran = succeeded('top', await skep(folder.path, ['top', ONE, '-o', 'json', '--interval', '1s']));
      const [traffic] = JSON.parse(ran.stdout);
      expect(traffic).to.include({ function: `${ONE}.openfaas-fn`, replicas: 1, ready: 1, errors: 0 });
      expect(traffic.rate).to.be.above(0);
      expect(traffic.p99Ms).to.be.at.least(traffic.p50Ms);
    } finally {
      isOver = true;
      await calls;
    }
  });
});
