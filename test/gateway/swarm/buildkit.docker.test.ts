import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { signBuild } from '../../../contract/build-signature.ts';
import { parsePublicKey, sealSecrets } from '../../../contract/sealed-secrets.ts';
import type { BuildRequest } from '../../../gateway/build/image-builder.ts';
import { hasBuildKit } from '../../../gateway/swarm/buildkit/has-buildkit.ts';
import { createEngine } from '../../../gateway/swarm/engine.ts';
import { createEngineImageBuilder } from '../../../gateway/swarm/engine-image-builder.ts';
import { importWebImage } from '../../provider-contract/open-swarm.ts';
import { PAYLOAD_SECRET, startBuildingGateway } from '../../support/building-gateway.ts';
import { OwnEngine, removeOwnEngines, whyNoOwnEngine } from '../../support/own-engine.ts';
import { until } from '../../support/platform.ts';
import { configEntry, tarOf } from '../build/build-tar.ts';

const ENGINES = 'skepbk';
/** Seconds, which no other process of this machine sleeps. */
const LONG = '86413';

describe('building images with BuildKit', function () {
  this.timeout(60_000);
  const engine = new OwnEngine(ENGINES);
  const { docker } = engine;
  const builder = createEngineImageBuilder({ docker, memoryBytes: 512 * 1024 * 1024 });
  const base = 'skep-buildkit-test/base:latest';
  const image = 'skep-buildkit-test/fn:1';
  const { signal } = new AbortController();

  before(async function () {
    const reason = whyNoOwnEngine();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    await removeOwnEngines(ENGINES);
    await engine.open({ features: { buildkit: true } });
    await importWebImage(docker, base);
  });
  after(() => removeOwnEngines(ENGINES));

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

  const setBuildKit = async (buildkit: boolean): Promise<void> => {
    engine.reload({ features: { buildkit } });
    await until(`BuildKit: ${buildkit}`, async () => (await hasBuildKit(createEngine(docker))) === buildkit);
  };

  it('is refused what needs BuildKit until the engine is told to build with it, which it may be while it runs', async () => {
    const plan = { image, platforms: [], hasSecrets: true, mayReplace: true };
    await setBuildKit(false);
    try {
      expect(await builder.whyNot(plan))
        .to.include('"buildkit": true')
        .and.include('daemon.json');
    } finally {
      await setBuildKit(true);
    }
    expect(await builder.whyNot(plan)).to.equal(undefined);
    expect(await builder.whyNot({ ...plan, platforms: ['linux/arm64'] })).to.equal(undefined);
    const several = { ...plan, platforms: ['linux/amd64', 'linux/arm64'] };
    expect(await builder.whyNot(several))
      .to.include('one platform')
      .and.include('docker manifest create');
  });

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

  it('gives secrets to a step that comes after a long one', async () => {
    // BuildKit asks every few seconds whether who has them is still there.
    const dockerfile = `FROM ${base}\nENV uncached=${randomUUID()}\nRUN sleep 3\nRUN --mount=type=secret,id=token,required=true cat /run/secrets/token > /dev/null\n`;
    const { result, lines } = await build(dockerfile, { secrets: { token: Buffer.from('hush') } });
    expect(result.kind, lines.join('\n')).to.equal('built');
  });

  it('gets secrets that were sealed for the gateway, by its API', async () => {
    const gateway = await startBuildingGateway({ docker });
    try {
      const publicKey = parsePublicKey(await (await fetch(`${gateway.url}/publickey`)).text());
      const dockerfile = `FROM ${base}\nRUN --mount=type=secret,id=token,required=true grep -c hush /run/secrets/token\n`;
      const tar = await tarOf(
        configEntry({ image }),
        ['com.openfaas.secrets', sealSecrets(publicKey, { token: Buffer.from('hush') })],
        ['context/Dockerfile', dockerfile],
      );
      const response = await fetch(`${gateway.url}/build`, {
        method: 'POST',
        body: new Uint8Array(tar),
        headers: { 'X-Build-Signature': signBuild(tar, PAYLOAD_SECRET) },
      });
      const last = await response.text();
      expect(last).to.include('"success"');
    } finally {
      await gateway.close();
    }
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
    context.entry({ name: 'Dockerfile' }, `FROM ${base}\nRUN sleep ${LONG}; true`);
    context.finalize();
    const call = builder.build(
      { image, buildArgs: {}, push: false, context: context as unknown as Readable },
      () => {},
      controller.signal,
    );
    await until('the step runs', async () => commands().includes(`sleep\0${LONG}\0`));
    controller.abort(new Error('the client left'));
    expect(await call.catch((error: Error) => error.message)).to.equal('the client left');
    await until('the step has ended', async () => !commands().includes(`sleep\0${LONG}\0`));
  });
});

/** Of all processes: a step is no container of the engine's. */
function commands(): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    try {
      return /^\d+$/.test(entry) ? [readFileSync(`/proc/${entry}/cmdline`, 'utf8')] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
