import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import type { BuildRequest } from '../../../gateway/build/image-builder.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createEngineImageBuilder } from '../../../gateway/swarm/engine-image-builder.ts';
import { importWebImage } from '../../provider-contract/open-swarm.ts';

describe('building images with the engine', function () {
  this.timeout(60_000);
  const docker = connectEngine(process.env);
  const builder = createEngineImageBuilder({ docker });
  const base = 'skep-builder-test/base:latest';
  const image = 'skep-builder-test/fn:1';
  const { signal } = new AbortController();

  before(() => importWebImage(docker, base));
  after(async () => {
    for (const name of [image, base]) {
      await docker
        .getImage(name)
        .remove({ force: true })
        .catch(() => {}); // A build that was meant to fail left none.
    }
  });

  const requestFor = (dockerfile: string, changes: Partial<BuildRequest> = {}): BuildRequest => {
    const context = pack();
    context.entry({ name: 'Dockerfile' }, dockerfile);
    context.entry({ name: 'greeting' }, 'hello');
    context.finalize();
    return { image, buildArgs: {}, push: false, context: context as unknown as Readable, ...changes };
  };

  it('builds an image with its arguments and tells what the build prints', async () => {
    const lines: string[] = [];
    const dockerfile = `FROM ${base}\nARG WHOM\nCOPY greeting /greeting\nRUN echo "$(cat /greeting) $WHOM"\n`;
    const result = await builder.build(
      requestFor(dockerfile, { buildArgs: { WHOM: 'you' } }),
      (line) => lines.push(line),
      signal,
    );
    expect(result.kind).to.equal('built');
    expect(lines).to.include('hello you');
    expect(lines.some((line) => line.startsWith('Step 1/5'))).to.equal(true);
    const { Id } = await docker.getImage(image).inspect();
    expect(result).to.have.property('imageId', Id);
  });

  for (const [what, dockerfile, reason] of [
    ['a step that exits 3', `FROM ${base}\nRUN ["/bin/sh", "-c", "exit 3"]`, 'returned a non-zero code: 3'],
    ['a file that is not in the context', `FROM ${base}\nCOPY nothing /`, 'nothing'],
    ['an instruction that is none', `FROM ${base}\nNONSENSE`, 'NONSENSE'],
    ['a mount, which needs BuildKit', `FROM ${base}\nRUN --mount=type=cache,target=/x true`, 'daemon.json'],
    ['an empty Dockerfile', '# nothing', 'Dockerfile'],
  ] as const) {
    it(`tells the reason of ${what} as a failed build`, async () => {
      const result = await builder.build(requestFor(dockerfile), () => {}, signal);
      expect(result.kind).to.equal('failed');
      expect(result)
        .to.have.property('error')
        .that.includes(reason)
        .and.does.not.match(/HTTP code|docs.docker/);
    });
  }

  it('tells a push to a registry that is not there as a failed build', async () => {
    const name = 'localhost:1/skep-builder-test/fn:1';
    try {
      const request = requestFor(`FROM ${base}`, { image: name, push: true });
      const result = await builder.build(request, () => {}, signal);
      expect(result).to.have.property('error').that.includes('push');
    } finally {
      await docker.getImage(name).remove({ force: true });
    }
  });

  it('ends the build when the signal aborts', async () => {
    const controller = new AbortController();
    const dockerfile = `FROM ${base}\nRUN ["/bin/sh", "-c", "echo started; sleep 600"]`;
    const building = builder.build(
      requestFor(dockerfile),
      (line) => {
        if (line === 'started') controller.abort(new Error('the client left'));
      },
      controller.signal,
    );
    expect(await building.catch((error: Error) => error.message)).to.equal('the client left');
    // Proof that the engine itself stopped: the container of that step goes.
    for (let left = 100; ; left--) {
      const running = await docker.listContainers({ filters: { ancestor: [base] } });
      if (running.length === 0) break;
      if (left === 0) throw new Error('the build still runs');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});
