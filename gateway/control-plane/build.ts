import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterContext, RouterMiddleware } from '@koa/router';
import { BUILD_SIGNATURE_HEADER } from '../../contract/build-signature.ts';
import type { BuildProgress } from '../../contract/function-types.ts';
import { ALGORITHM, type KeyPair, keyId } from '../../contract/sealed-secrets.ts';
import { type ArrivalLimits, Arrivals } from '../build/arrivals.ts';
import { BuildSlots } from '../build/build-slots.ts';
import { tooLarge } from '../build/feed.ts';
import { type BuildDisk, watchRoom } from '../build/free-space.ts';
import { receiveSigned, signatureOf } from '../build/signed-request.ts';
import { addressOf, CLIENT_HEADER } from '../client-address.ts';
import { FaasError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { progressLines } from './progress-lines.ts';
import type { RequestState } from './state.ts';

/**
 * Builds (and deploys, where asked to) from a tar. Resolves with the last progress, also that of a build that failed; its
 * `log` is the whole log, each line of which `onProgress` was told before.
 * @throws {FaasError} when the request itself is wrong: `invalid_request`, `body_too_large`
 */
export type RunBuild = (
  tar: Readable,
  options: {
    readonly onProgress: (progress: BuildProgress) => void;
    readonly signal: AbortSignal;
    /** Where the client reached this gateway. */
    readonly origin: string;
    /** Whether what is built may be deployed, too. */
    readonly mayDeploy: boolean;
  },
) => Promise<BuildProgress>;

export interface BuildSettings {
  readonly runBuild: RunBuild;
  /** Builds at a time. */
  readonly mostBuilds: number;
  /** Largest request. */
  readonly limitBytes: number;
  /** Of requests whose signature is not proved yet: strangers may send them. */
  readonly arrivals?: Partial<ArrivalLimits>;
  /** Aborts with a FaasError when the gateway ends, and there is no more time to wait for requests. */
  readonly stopping?: AbortSignal;
  /** Where requests are kept; absent: nobody looks how much room there is. */
  readonly disk?: BuildDisk;
  /** Longest silence of an answer that has begun: only a write shows that a client has left. Default 5 s. */
  readonly heartbeatMs?: number;
  /** With which requests to `POST /build` are signed; absent: nobody may ask there. */
  readonly payloadSecret?: string | undefined;
  readonly keyPair?: KeyPair | undefined;
}

const HEARTBEAT_MS = 5000;
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
const DISABLED = 'docs/build-api.md tells how to give it to the gateway';

type Route = RouterMiddleware<RequestState>;

/** POST /system/build, POST /build and GET /publickey. The builds of both share their places. */
export function buildRoutes(
  settings: BuildSettings,
  logger: Logger,
): { readonly build: Route; readonly signedBuild: Route; readonly publicKey: Route } {
  const { runBuild, payloadSecret, keyPair, limitBytes } = settings;
  const { heartbeatMs = HEARTBEAT_MS } = settings;
  const builds = new BuildSlots(settings.mostBuilds);
  const arrivals = new Arrivals(settings.arrivals);
  const stopping = settings.stopping === undefined ? [] : [settings.stopping];

  /**
   * One JSON object when all is over, or one a line as it goes. A failed build is a 200, too. While nothing happens an empty step, or
   * white space before the object, shows whether there is still somebody who waits.
   */
  const answer = async (
    ctx: RouterContext<RequestState>,
    tar: Readable,
    { mayDeploy, onEnd }: { readonly mayDeploy: boolean; readonly onEnd: () => Promise<void> | void },
  ): Promise<void> => {
    const { signal, callId } = ctx.state;
    const isLines = ctx.get('accept').toLowerCase().includes('application/x-ndjson');
    const body = new PassThrough();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let image = '';
    const write = (text: string): void => {
      // Of a client that does not read, no more than this is kept: it misses lines, and learns of the end.
      if (body.writableLength < MOST_UNREAD_BYTES) body.write(text);
    };
    const onProgress = (progress: BuildProgress): void => {
      image = progress.image;
      if (isLines) write(progressLines(progress));
      begin();
    };
    const done = runBuild(tar, { onProgress, signal, origin: originOf(ctx), mayDeploy }).finally(onEnd);
    // Until the first line the request can still be refused with a status of its own; where no lines are wanted, for a beat longer.
    const first = await Promise.race([done, isLines ? begun : begun.then(() => sleep(heartbeatMs))]);
    if (!isLines && first !== undefined) {
      ctx.body = first;
      return;
    }
    const beat = (): void => write(isLines ? progressLines({ log: [], image, status: 'in_progress' }) : '\n');
    const beats = setInterval(beat, heartbeatMs);
    if (!isLines) beat();
    ctx.type = isLines ? 'application/x-ndjson' : 'application/json';
    ctx.body = body;
    void done
      .catch((error: unknown): BuildProgress => {
        if (!signal.aborted) logger.error('build broke off', { callId, error });
        const reason =
          error instanceof FaasError && error.expose ? error.message : 'the gateway failed: see its log';
        return { log: [], image, status: 'failed', error: reason };
      })
      .then((last) => body.end(isLines ? progressLines({ ...last, log: [] }) : JSON.stringify(last)))
      .finally(() => clearInterval(beats));
  };

  return {
    build: async (ctx) => {
      const release = builds.take();
      await answer(ctx, ctx.req, { mayDeploy: true, onEnd: release });
    },
    signedBuild: async (ctx) => {
      if (payloadSecret === undefined) {
        throw new FaasError(
          'builder_disabled',
          `POST /build needs the secret payload-secret, which this gateway has not: ${DISABLED}; POST /system/build takes the same request with basic auth`,
        );
      }
      builds.check();
      // What is refused by its head alone takes nobody's place.
      const signature = signatureOf(ctx.get(BUILD_SIGNATURE_HEADER));
      if (Number(ctx.get('content-length')) > limitBytes) throw tooLarge(limitBytes);
      const arrival = arrivals.take(addressOf(ctx.get(CLIENT_HEADER)));
      const signed = await withRoom(settings.disk, (noRoom) =>
        receiveSigned(ctx.req, {
          signature,
          secret: payloadSecret,
          limitBytes,
          signal: AbortSignal.any([ctx.state.signal, arrival.signal, ...stopping, ...noRoom]),
          onBytes: arrival.count,
        }),
      ).finally(arrival.end);
      const dispose = (): Promise<void> =>
        signed.dispose().catch((error: unknown) => {
          logger.warn('a build request is still kept', { callId: ctx.state.callId, error });
        });
      let release: () => void;
      try {
        release = builds.take();
      } catch (error) {
        await dispose();
        throw error;
      }
      // Who has the answer finds nothing kept any more.
      const onEnd = (): Promise<void> => {
        release();
        return dispose();
      };
      await answer(ctx, signed.read(), { mayDeploy: false, onEnd });
    },
    publicKey: (ctx) => {
      if (keyPair === undefined) {
        throw new FaasError(
          'builder_disabled',
          `GET /publickey needs the secret builder-key, which this gateway has not: ${DISABLED}`,
        );
      }
      const { publicKey } = keyPair;
      ctx.body = { key_id: keyId(publicKey), algorithm: ALGORITHM, public_key: publicKey };
    },
  };
}

/** @throws {FaasError} `provider_unavailable` when there is too little room */
async function withRoom<T>(
  disk: BuildDisk | undefined,
  receive: (noRoom: readonly AbortSignal[]) => Promise<T>,
): Promise<T> {
  if (disk === undefined) return receive([]);
  const room = await watchRoom(disk);
  try {
    return await receive([room.signal]);
  } catch (error) {
    if (error !== room.signal.reason) throw error;
    throw new FaasError('provider_unavailable', (error as Error).message, { cause: error });
  } finally {
    room.stop();
  }
}

/** By the name that the client used, also behind a proxy with TLS. Nobody else is told of it, so that it need not be true. */
function originOf(ctx: RouterContext<RequestState>): string {
  const isTls = ctx.get('x-forwarded-proto').toLowerCase() === 'https';
  return URL.parse(`${isTls ? 'https' : 'http'}://${ctx.host}`)?.origin ?? '';
}
