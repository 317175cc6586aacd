import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import type { BuildRequest } from '../../../gateway/build/image-builder.ts';
import { hasBuildKit } from '../../../gateway/swarm/buildkit/has-buildkit.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createEngine } from '../../../gateway/swarm/engine.ts';
import { createEngineImageBuilder } from '../../../gateway/swarm/engine-image-builder.ts';
import { importWebImage } from '../../provider-contract/open-swarm.ts';

/** An engine with BuildKit: this machine's, or the one at `BUILDKIT_ENGINE`, e.g. `unix:///run/other.sock`. */
const ENGINE = process.env['BUILDKIT_ENGINE'] ?? process.env['DOCKER_HOST'];

describe('building images with BuildKit', function () {
  this.timeout(60_000);
  const docker = connectEngine(ENGINE === undefined ? {} : { DOCKER_HOST: ENGINE });
  const builder = createEngineImageBuilder({ docker, memoryBytes: 512 * 1024 * 1024 });
  const base = 'skep-buildkit-test/base:latest';
  const image = 'skep-buildkit-test/fn:1';
  const { signal } = new AbortController();

  before(async function () {
    if (!(await hasBuildKit(createEngine(docker)))) {
      console.log('      the engine here has no BuildKit, and BUILDKIT_ENGINE names none that has');
      this.skip();
    }
    await importWebImage(docker, base);
  });
  after(async () => {
    for (const name of [image, base]) {
      await docker
        .getImage(name)
        .remove({ force: true })
        .catch(() => {}); // A build that was meant to fail left none.
    }
  });

  const build = async (dockerfile: string, changes: Partial<BuildRequest> = {}, ended = signal) => {
    const context = pack();
    context.entry({ name: 'Dockerfile' }, dockerfile);
    context.entry({ name: 'greeting' }, 'hello');
    context.finalize();
    const lines: string[] = [];
    const request = { image, buildArgs: {}, push: false, context: context as unknown as Readable };
    const result = await builder.build({ ...request, ...changes }, (line) => lines.push(line), ended);
    return { result, lines };
  };

  it('builds an image with its arguments and tells its steps, what they write, and which were cached', async () => {
    const dockerfile = `FROM ${base}\nARG WHOM\nENV uncached=${randomUUID()}\nCOPY greeting /greeting\nRUN printf "$(cat /greeting) $WHOM\\nwith no newline"\n`;
    const { result, lines } = await build(dockerfile, { buildArgs: { WHOM: 'you' } });
    expect(result.kind, JSON.stringify(result)).to.equal('built');
    expect(
      lines.some((line) => / \[\d\/3\] COPY greeting/.test(line)),
      lines.join('\n'),
    ).to.equal(true);
    expect(lines.some((line) => /^#\d+ hello you$/.test(line))).to.equal(true);
    expect(lines.some((line) => /^#\d+ with no newline$/.test(line))).to.equal(true);
    const { Id } = await docker.getImage(image).inspect();
    expect(result).to.have.property('imageId', Id);
    const again = await build(dockerfile, { buildArgs: { WHOM: 'you' } });
    expect(again.lines.some((line) => /^#\d+ CACHED$/.test(line))).to.equal(true);
  });

  it('gives a step the secrets that it mounts, byte by byte, and leaves them out of the image', async () => {
    const value = Buffer.from('hush\u0000 \n');
    const dockerfile = `FROM ${base}\nENV uncached=${randomUUID()}\nRUN --mount=type=secret,id=a.token,required=true cp /run/secrets/a.token /tmp/copy && stat -c '%s bytes' /tmp/copy\nRUN ls /run/secrets || echo none left\n`;
    const { result, lines } = await build(dockerfile, { secrets: { 'a.token': value } });
    expect(result.kind, JSON.stringify(result)).to.equal('built');
    expect(
      lines.some((line) => line.endsWith(`${value.length} bytes`)),
      lines.join('\n'),
    ).to.equal(true);
    expect(lines.some((line) => line.endsWith('none left'))).to.equal(true);
  });

  it('fails a step that wants a secret which was not given', async () => {
    const dockerfile = `FROM ${base}\nRUN --mount=type=secret,id=none,required=true cat /run/secrets/none\n`;
    const { result } = await build(dockerfile, { secrets: { other: Buffer.from('x') } });
    expect(result).to.have.property('error').that.matches(/none/);
  });

  for (const [what, dockerfile, reason] of [
    ['a step that exits 3', `FROM ${base}\nRUN ["/bin/sh", "-c", "exit 3"]`, 'exit code: 3'],
    ['a file that is not in the context', `FROM ${base}\nCOPY nothing /`, 'nothing'],
    ['an instruction that is none', `FROM ${base}\nNONSENSE`, 'NONSENSE'],
    ['an empty Dockerfile', '# nothing', 'no instructions'],
  ] as const) {
    it(`tells the reason of ${what} as a failed build`, async () => {
      const { result } = await build(dockerfile);
      expect(result.kind).to.equal('failed');
      expect(result).to.have.property('error').that.includes(reason);
    });
  }

  it('builds for the platform that is named', async () => {
    const { result } = await build(`FROM ${base}\n`, { platform: 'linux/amd64' });
    expect(result.kind).to.equal('built');
  });

  it('ends the build when the signal aborts', async () => {
    const controller = new AbortController();
    const context = pack();
    context.entry({ name: 'Dockerfile' }, `FROM ${base}\nRUN echo started; sleep 600`);
    context.finalize();
    const call = builder.build(
      { image, buildArgs: {}, push: false, context: context as unknown as Readable },
      (line) => {
        if (line.endsWith(' started')) controller.abort(new Error('the client left'));
      },
      controller.signal,
    );
    expect(await call.catch((error: Error) => error.message)).to.equal('the client left');
  });
});
