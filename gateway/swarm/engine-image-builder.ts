import type Docker from 'dockerode';
import type { BuildRequest, BuildResult, ImageBuilder } from '../build/image-builder.ts';
import { RegistryLogins } from '../build/registry-logins.ts';
import { BuildLeftovers, type OnLeftover } from './build-leftovers.ts';
import { hasBuildKit, NO_BUILDKIT } from './buildkit/has-buildkit.ts';
import { createEngine, type Engine } from './engine.ts';
import { type EngineMessage, readMessages } from './engine-messages.ts';
import { engineSentence, engineStatus, toFaasError } from './errors.ts';
import { BUILT_HERE, builtHere, whyNotBuilt } from './foreign-image.ts';
import { linkSignal } from './linked-signal.ts';
import { whyNotFor } from './own-platform.ts';
import { pushImage } from './push-image.ts';

export interface EngineBuilderOptions {
  readonly docker: Docker;
  /** Of each container that runs a step; 0 or absent: no limit. */
  readonly memoryBytes?: number;
  /** For the registries of base images, and of what is pushed. */
  readonly logins?: RegistryLogins;
  readonly onLeftover?: OnLeftover;
}

const SECRETS_NEED_BUILDKIT = `the image has build secrets, which need BuildKit. ${NO_BUILDKIT}`;
const SEVERAL_PLATFORMS = 'the engine of this gateway makes an image for one platform at a time';
const ONE_EACH =
  'build where buildx is (skep publish), or once for each under a tag of its own, and join them with docker manifest create';

/** How long the engine may take to begin its answer to a build: it reads the whole context first. */
const BEGIN_LIMIT_MS = 10 * 60_000;

/** Builds with the engine, on the node where the gateway runs: with BuildKit where it has that, else with its classic builder. */
export function createEngineImageBuilder(options: EngineBuilderOptions): ImageBuilder {
  const engine = createEngine(options.docker);
  const logins = options.logins ?? new RegistryLogins();
  const leftovers = new BuildLeftovers(engine, BUILT_HERE, options.onLeftover);
  return {
    whyNot: async ({ image, platforms, hasSecrets, mayReplace }) => {
      const refusal = await whyNotBuilt(engine, image, { mayReplace });
      if (refusal === undefined && platforms.length > 1)
        return `${SEVERAL_PLATFORMS}, not ${platforms.join(' and ')}: ${ONE_EACH}`;
      if (refusal !== undefined || (await hasBuildKit(engine))) return refusal;
      if (hasSecrets) return SECRETS_NEED_BUILDKIT;
      const [platform] = platforms;
      return platform && (await whyNotFor(engine, platform));
    },
    build: async (request, onLine, signal) => {
      signal.throwIfAborted();
      const follow: Following = { onLine, signal };
      const isBuildKit = await hasBuildKit(engine);
      if (!isBuildKit && request.secrets !== undefined)
        return { kind: 'failed', error: SECRETS_NEED_BUILDKIT };
      return leftovers.during(async () => {
        const built = isBuildKit
          ? await withBuildKit(engine, request, { logins, follow })
          : await withClassic(engine, request, {
              logins,
              follow,
              memoryBytes: options.memoryBytes ?? 0,
              leftovers,
            });
        if (built.kind === 'failed' || !request.push) return built;
        const error = await pushImage(engine, request.image, { ...follow, login: logins.of(request.image) });
        return error === undefined
          ? built
          : { kind: 'failed', error: `the push of ${request.image} failed: ${error}` };
      });
    },
  };
}

interface Following {
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

interface ClassicOptions {
  readonly logins: RegistryLogins;
  readonly follow: Following;
  readonly memoryBytes: number;
  readonly leftovers: BuildLeftovers;
}

async function withClassic(
  engine: Engine,
  request: BuildRequest,
  { logins, follow, memoryBytes, leftovers }: ClassicOptions,
): Promise<BuildResult> {
  const link = linkSignal(follow.signal);
  try {
    const stream = await engine.call(
      'build image',
      (docker, limit) =>
        docker.buildImage(request.context, {
          t: request.image,
          buildargs: { ...request.buildArgs },
          labels: builtHere(request.image),
          registryconfig: logins.byServer(),
          rm: true,
          forcerm: true,
          // Equal: no swap beside the memory.
          ...(memoryBytes > 0 && { memory: memoryBytes, memswap: memoryBytes }),
          ...(request.platform !== undefined && { platform: request.platform }),
          // Closing the request is how a build is ended.
          abortSignal: AbortSignal.any([link.signal, limit]),
        }),
      BEGIN_LIMIT_MS,
    );
    const result = await followBuild(readMessages(stream, follow.signal), {
      ...follow,
      onLine: (line) => {
        leftovers.see(line);
        follow.onLine(line);
      },
    });
    if (result.kind === 'built') return result;
    return { ...result, error: withBuildKitAdvice(withMemory(result.error, memoryBytes)) };
  } catch (error) {
    return failedToBuild(error, follow.signal);
  } finally {
    link.release();
  }
}

async function withBuildKit(
  engine: Engine,
  request: BuildRequest,
  { logins, follow }: { readonly logins: RegistryLogins; readonly follow: Following },
): Promise<BuildResult> {
  // Loaded where it is used: gRPC and protobuf are large.
  const { openBuildKit } = await import('./buildkit/build-with-buildkit.ts');
  const link = linkSignal(follow.signal);
  try {
    const build = await engine.call(
      'build image',
      (docker, limit) =>
        openBuildKit(docker, request, {
          logins,
          labels: builtHere(request.image),
          signal: AbortSignal.any([link.signal, limit]),
        }),
      BEGIN_LIMIT_MS,
    );
    try {
      return await followBuild(build.messages(follow.signal), follow);
    } finally {
      build.close();
    }
  } catch (error) {
    return failedToBuild(error, follow.signal);
  } finally {
    link.release();
  }
}

async function followBuild(
  messages: AsyncIterable<EngineMessage>,
  { onLine, signal }: Following,
): Promise<BuildResult> {
  let imageId: string | undefined;
  let failure: string | undefined;
  for await (const message of messages) {
    if (message.error !== undefined) failure = message.error;
    else if (message.imageId !== undefined) imageId = message.imageId;
    for (const line of message.lines) onLine(line);
  }
  signal.throwIfAborted();
  if (failure !== undefined) return { kind: 'failed', error: failure };
  // The stream also ends when the engine dies: only an image that was told of was built.
  if (imageId === undefined) return { kind: 'failed', error: 'the engine ended the build without an image' };
  return { kind: 'built', imageId };
}

/** @throws {FaasError} for what is not the source's fault */
function failedToBuild(error: unknown, signal: AbortSignal): BuildResult {
  signal.throwIfAborted();
  // A Dockerfile that cannot be read is refused before the stream begins.
  if (engineStatus(error) !== undefined && isSourceFault(error))
    return { kind: 'failed', error: engineSentence(error) };
  throw toFaasError(error, 'build image');
}

function isSourceFault(error: unknown): boolean {
  const status = engineStatus(error);
  if (status !== 500) return status === 400;
  const sentence = engineSentence(error);
  return /dockerfile|error processing tar file/i.test(sentence) && !/no space left/i.test(sentence);
}

/** The engine's own advice is about its command line. */
function withBuildKitAdvice(error: string): string {
  const [needs] = /^.*\brequires? BuildKit\b/i.exec(error) ?? [];
  return needs === undefined ? error : `${needs}. ${NO_BUILDKIT}`;
}

/** What is killed for its memory ends with 137, which tells nobody why. */
function withMemory(error: string, memoryBytes: number): string {
  if (memoryBytes === 0 || !/non-zero code: 137\b/.test(error)) return error;
  return `${error}; a step was killed: it may have needed more than the ${Math.round(memoryBytes / 1024 ** 2)} MiB that it may have`;
}
