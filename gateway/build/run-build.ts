import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { BuildProgress, FunctionDeployment } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';
import type { Provider } from '../functions/provider.ts';
import { type BuildLimits, DEFAULT_BUILD_LIMITS, type ReceivedBuild, receiveBuild } from './build-request.ts';
import type { ImageBuilder } from './image-builder.ts';

export interface RunBuildOptions {
  readonly builder: ImageBuilder;
  readonly provider: Pick<Provider, 'create' | 'update'>;
  /** Called with the lines that are new since the last call. Never before the request was read whole and found good. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Ends reading, building and deploying: the client has gone. */
  readonly signal: AbortSignal;
  /** Longest build; beyond it the answer is `failed`. Default 15 minutes. */
  readonly timeoutMs?: number;
  readonly limits?: Partial<BuildLimits>;
}

const DEFAULT_TIMEOUT_MS = 15 * 60_000;
const LONGEST_LINE = 8 * 1024;
/** The log that is kept for the final answer; of a longer one the beginning is dropped. */
const MOST_KEPT_LINES = 5000;

/**
 * From a tar to an image and, where its configuration says `deploy`, to a running function (updated, or created).
 * Resolves with the final progress: `success`, or `failed` with the reason; its `log` is the whole log.
 * @throws {FaasError} `invalid_request`, `body_too_large`, `provider_unavailable`; or the signal's reason when it aborted
 */
export async function runBuild(request: Readable, options: RunBuildOptions): Promise<BuildProgress> {
  const started = performance.now();
  const { signal, onProgress, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const received = await receiveBuild(request, { ...DEFAULT_BUILD_LIMITS, ...options.limits }, signal);
  try {
    const { config } = received;
    const log: string[] = [];
    const tell = (text: string): void => {
      const line = `${new Date().toISOString()} ${text.slice(0, LONGEST_LINE)}`;
      log.push(line);
      if (log.length > MOST_KEPT_LINES) log.shift();
      onProgress?.({ log: [line], image: config.image, status: 'in_progress' });
    };
    const end = (error?: string): BuildProgress => ({
      log,
      image: config.image,
      status: error === undefined ? 'success' : 'failed',
      ...(error !== undefined && { error }),
      duration: (performance.now() - started) / 1000,
    });

    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const error = await buildAndDeploy(received, {
        ...options,
        tell,
        signal: AbortSignal.any([signal, limit]),
      });
      return end(error);
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted) return end(`the build took longer than ${timeoutMs / 1000} s`);
      throw error;
    }
  } finally {
    await received.dispose();
  }
}

/** Returns why it failed, if it did. */
async function buildAndDeploy(
  { config, contextFile }: ReceivedBuild,
  options: RunBuildOptions & { readonly tell: (text: string) => void },
): Promise<string | undefined> {
  const { builder, provider, signal, tell } = options;
  const { image, buildArgs, platform, push, deploy } = config;
  tell(`building ${image}`);
  const context = createReadStream(contextFile);
  // Who reads it meets the error; without a listener it would end the process when nobody reads any more.
  context.on('error', () => {});
  const result = await builder
    .build({ image, buildArgs, push, context, ...(platform && { platform }) }, tell, signal)
    .finally(() => context.destroy());
  if (result.kind === 'failed') return result.error.slice(0, LONGEST_LINE);
  tell(`built ${image} (${result.imageId})${push ? ' and pushed it' : ''}`);
  if (deploy === undefined) return undefined;
  signal.throwIfAborted();
  const error = await tryDeploy(provider, deploy);
  if (error !== undefined) return `${image} was built, but not deployed: ${error}`;
  tell(`deployed ${deploy.service}`);
  return undefined;
}

/** Updates the function, or creates it. Returns why it could not be, if the deployment itself was wrong. */
async function tryDeploy(
  provider: Pick<Provider, 'create' | 'update'>,
  deployment: FunctionDeployment,
): Promise<string | undefined> {
  try {
    await provider.update(deployment).catch((error: unknown) => {
      if (!(error instanceof FaasError) || error.code !== 'function_not_found') throw error;
      return provider.create(deployment);
    });
    return undefined;
  } catch (error) {
    if (error instanceof FaasError && error.expose) return error.message;
    throw error;
  }
}
