import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { ContractError } from '../../contract/contract-error.ts';
import { deployedRef, qualifiedName } from '../../contract/function-ref.ts';
import type { BuildProgress, FunctionDeployment } from '../../contract/function-types.ts';
import { type SecretValues, unsealSecrets } from '../../contract/sealed-secrets.ts';
import { FaasError } from '../errors.ts';
import type { Provider } from '../functions/provider.ts';
import { awaitRollout } from './await-rollout.ts';
import { type BuildKeys, NO_BUILD_KEYS } from './build-keys.ts';
import { BuildLog, shortened } from './build-log.ts';
import { type BuildLimits, DEFAULT_BUILD_LIMITS, type ReceivedBuild, receiveBuild } from './build-request.ts';
import { type BuildDisk, watchRoom } from './free-space.ts';
import type { ImageBuilder } from './image-builder.ts';
import { NameTurns } from './name-turns.ts';

export interface RunBuildOptions {
  readonly builder: ImageBuilder;
  readonly provider: Pick<Provider, 'create' | 'update' | 'read'>;
  /** Called with the lines that are new since the last call. Never before the request was read whole and found good. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Ends reading, building and deploying: the client has gone. */
  readonly signal: AbortSignal;
  /** Longest build, with the reading of its request and its deployment; beyond it the answer is `failed`. Default 15 minutes. */
  readonly timeoutMs?: number;
  /** Aborts with a FaasError when the gateway ends, and there is no more time to wait for the build. */
  readonly stopping?: AbortSignal;
  readonly limits?: Partial<BuildLimits>;
  /** Absent: nobody looks how much room there is. */
  readonly disk?: BuildDisk;
  readonly keys?: BuildKeys;
  readonly defaultNamespace: string;
  /** False: the request may neither deploy nor take the name of an image that was not built here. Default true. */
  readonly mayDeploy?: boolean;
  /** Where the client reaches the gateway, e.g. `http://127.0.0.1:8080`: the function's URL begins with it. */
  readonly origin: string;
}

const turns = new NameTurns();
const DEFAULT_TIMEOUT_MS = 15 * 60_000;

/** How a build ended that nothing cut short. */
type Outcome = { readonly url?: string } | { readonly error: string };

/**
 * From a tar to an image and, where its configuration says `deploy`, to a function that answers (updated, or created).
 * Resolves with the final progress: `success`, or `failed` with the reason; its `log` is the whole log.
 * @throws {FaasError} `invalid_request`, `body_too_large`, `provider_unavailable`, `shutting_down`; or the signal's reason when it aborted
 */
export async function runBuild(request: Readable, options: RunBuildOptions): Promise<BuildProgress> {
  const started = performance.now();
  const { signal, onProgress, stopping, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const tooLong = `took longer than ${timeoutMs / 1000} s`;
  const limits = { ...DEFAULT_BUILD_LIMITS, ...options.limits };
  const room = options.disk && (await watchRoom(options.disk));
  const others = [room?.signal, stopping].filter((each) => each !== undefined);
  const ended = AbortSignal.any([signal, limit, ...others]);
  const received = await receiveBuild(request, limits, ended).catch((error: unknown) => {
    room?.stop();
    signal.throwIfAborted();
    if (room?.signal.aborted) throw new FaasError('provider_unavailable', room.signal.reason.message);
    stopping?.throwIfAborted();
    throw limit.aborted ? new FaasError('invalid_request', `the build request ${tooLong} to come in`) : error;
  });
  const { config } = received;
  const log = new BuildLog();
  const tell = (text: string): void => {
    const line = log.add(text);
    onProgress?.({ log: [line], image: config.image, status: 'in_progress' });
  };
  const end = (outcome: Outcome): BuildProgress => ({
    log: log.lines(),
    image: config.image,
    status: 'error' in outcome ? 'failed' : 'success',
    ...outcome,
    duration: (performance.now() - started) / 1000,
  });
  try {
    if (config.deploy !== undefined && options.mayDeploy === false) {
      throw new FaasError(
        'invalid_request',
        'com.openfaas.docker.config: deploy: the payload secret is for building alone: deploy with POST /system/build and basic auth',
      );
    }
    const outcome = await turns.during(config.image, {
      signal: ended,
      onWait: () => tell(`waiting for another build of ${config.image}`),
      work: () => buildAndDeploy(received, { ...options, tell, signal: ended }),
    });
    return end(outcome);
  } catch (error) {
    signal.throwIfAborted();
    if (room?.signal.aborted) return end({ error: `the build was ended: ${room.signal.reason.message}` });
    if (stopping?.aborted) return end({ error: (stopping.reason as FaasError).message });
    if (limit.aborted) return end({ error: `the build ${tooLong}` });
    throw error;
  } finally {
    room?.stop();
    await received.dispose();
  }
}

/** @throws {FaasError} `invalid_request` */
function openSecrets({ sealedSecrets }: ReceivedBuild, { keyPair }: BuildKeys): SecretValues | undefined {
  if (sealedSecrets === undefined) return undefined;
  if (keyPair === undefined) {
    throw new FaasError(
      'invalid_request',
      'com.openfaas.secrets: this gateway has no key to open build secrets with: it needs the secret builder-key',
    );
  }
  try {
    return unsealSecrets(sealedSecrets, keyPair.privateKey);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new FaasError('invalid_request', `com.openfaas.secrets: ${error.message}`, { cause: error });
  }
}

interface Steps extends RunBuildOptions {
  readonly tell: (text: string) => void;
}

async function buildAndDeploy(received: ReceivedBuild, options: Steps): Promise<Outcome> {
  const { config, contextFile, sealedSecrets } = received;
  const { builder, signal, tell } = options;
  const { image, buildArgs, push, deploy, platforms } = config;
  const [platform] = platforms;
  signal.throwIfAborted();
  const hasSecrets = sealedSecrets !== undefined;
  const mayReplace = options.mayDeploy !== false;
  // As late as can be: whose name it is may have changed while the build waited.
  const refusal = await builder.whyNot({ image, platforms, hasSecrets, mayReplace });
  if (refusal !== undefined) return { error: refusal };
  const secrets = openSecrets(received, options.keys ?? NO_BUILD_KEYS);
  tell(`building ${image}`);
  const context = createReadStream(contextFile);
  // Who reads it meets the error; without a listener it would end the process when nobody reads any more.
  context.on('error', () => {});
  const result = await builder
    .build(
      {
        image,
        buildArgs,
        push,
        context,
        ...(platform && { platform }),
        ...(secrets && { secrets }),
      },
      tell,
      signal,
    )
    .finally(() => context.destroy());
  if (result.kind === 'failed') return { error: shortened(result.error) };
  tell(`built ${image} (${result.imageId})${push ? ' and pushed it' : ''}`);
  if (deploy === undefined) return {};
  signal.throwIfAborted();
  return deployBuilt(deploy, options);
}

/** Updates the function, or creates it, and waits until it answers. */
async function deployBuilt(deploy: FunctionDeployment, options: Steps): Promise<Outcome> {
  const { provider, signal, tell, origin, defaultNamespace } = options;
  const { image, service } = deploy;
  const deployment = withLogin(deploy, options.keys ?? NO_BUILD_KEYS);
  const ref = deployedRef(deployment, defaultNamespace);
  try {
    await provider.update(deployment).catch((error: unknown) => {
      if (!(error instanceof FaasError) || error.code !== 'function_not_found') throw error;
      return provider.create(deployment);
    });
    tell(`deployed ${service}, waiting for it to answer`);
    const failure = await awaitRollout(provider, ref, signal);
    if (failure !== undefined) return { error: `${service} was deployed, but does not run: ${failure}` };
  } catch (error) {
    // The deployment was wrong, not the gateway.
    if (error instanceof FaasError && error.expose)
      return { error: `${image} was built, but not deployed: ${error.message}` };
    throw error;
  }
  const name = ref.namespace === defaultNamespace ? ref.name : qualifiedName(ref);
  const url = `${origin}/function/${name}`;
  tell(`${service} answers on ${url}`);
  return { url };
}

/** Nodes pull what was pushed: with the same credentials, unless the deployment has its own. */
function withLogin(deployment: FunctionDeployment, { logins }: BuildKeys): FunctionDeployment {
  const login = logins.of(deployment.image);
  if (deployment.registryAuth !== undefined || login === undefined) return deployment;
  const registryAuth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return { ...deployment, registryAuth };
}
