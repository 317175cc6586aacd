import type Docker from 'dockerode';
import { parseImageReference } from '../../contract/image-reference.ts';
import type { BuildRequest, BuildResult, ImageBuilder } from '../build/image-builder.ts';
import { byContract } from '../functions/by-contract.ts';
import { createEngine, type Engine } from './engine.ts';
import { readMessages } from './engine-messages.ts';
import { engineSentence, engineStatus, toFaasError } from './errors.ts';
import { linkSignal } from './linked-signal.ts';

/** How long the engine may take to begin its answer to a build: it reads the whole context first. */
const BEGIN_LIMIT_MS = 10 * 60_000;

/** Builds with the engine's classic builder, on the node where the gateway runs. */
export function createEngineImageBuilder(options: { readonly docker: Docker }): ImageBuilder {
  const engine = createEngine(options.docker);
  return {
    build: async (request, onLine, signal) => {
      signal.throwIfAborted();
      const built = await buildImage(engine, request, { onLine, signal });
      if (built.kind === 'failed' || !request.push) return built;
      const error = await pushImage(engine, request.image, { onLine, signal });
      return error === undefined
        ? built
        : { kind: 'failed', error: `the push of ${request.image} failed: ${error}` };
    },
  };
}

interface Following {
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

async function buildImage(
  engine: Engine,
  request: BuildRequest,
  { onLine, signal }: Following,
): Promise<BuildResult> {
  const link = linkSignal(signal);
  try {
    const stream = await engine.call(
      'build image',
      (docker, limit) =>
        docker.buildImage(request.context, {
          t: request.image,
          buildargs: { ...request.buildArgs },
          rm: true,
          forcerm: true,
          ...(request.platform !== undefined && { platform: request.platform }),
          // Closing the request is how a build is ended.
          abortSignal: AbortSignal.any([link.signal, limit]),
        }),
      BEGIN_LIMIT_MS,
    );
    let imageId: string | undefined;
    let failure: string | undefined;
    for await (const message of readMessages(stream, signal)) {
      if (message.error !== undefined) failure = message.error;
      else if (message.imageId !== undefined) imageId = message.imageId;
      for (const line of message.lines) onLine(line);
    }
    signal.throwIfAborted();
    if (failure !== undefined) return { kind: 'failed', error: failure };
    // The stream also ends when the engine dies: only an image that was told of was built.
    if (imageId === undefined)
      return { kind: 'failed', error: 'the engine ended the build without an image' };
    return { kind: 'built', imageId };
  } catch (error) {
    signal.throwIfAborted();
    // A Dockerfile that cannot be read is refused before the stream begins.
    if (engineStatus(error) !== undefined && isSourceFault(error))
      return { kind: 'failed', error: engineSentence(error) };
    throw toFaasError(error, 'build image');
  } finally {
    link.release();
  }
}

function isSourceFault(error: unknown): boolean {
  const status = engineStatus(error);
  return status === 400 || (status === 500 && /dockerfile/i.test(engineSentence(error)));
}

async function pushImage(
  engine: Engine,
  image: string,
  { onLine, signal }: Following,
): Promise<string | undefined> {
  const { repository, tag = 'latest' } = byContract(() => parseImageReference(image));
  const link = linkSignal(signal);
  try {
    const stream = await engine.call('push image', (docker, limit) =>
      docker.getImage(repository).push({
        tag,
        // The engine wants the header even when there are no credentials.
        authconfig: {},
        abortSignal: AbortSignal.any([link.signal, limit]),
      }),
    );
    let failure: string | undefined;
    for await (const message of readMessages(stream, signal)) {
      failure ??= message.error;
      for (const line of message.lines) onLine(line);
    }
    return failure;
  } catch (error) {
    signal.throwIfAborted();
    if (engineStatus(error) !== undefined) return engineSentence(error);
    throw toFaasError(error, 'push image');
  } finally {
    link.release();
  }
}
