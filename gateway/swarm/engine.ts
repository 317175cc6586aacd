import type Docker from 'dockerode';
import { FaasError } from '../errors.ts';
import { mayBeDone, toFaasError } from './errors.ts';

/** The API versions that this adapter speaks. Tested by us: 1.41; the newer ones change nothing that is used here. */
const OLDEST = '1.41';
const NEWEST = '1.51';

const CALL_LIMIT_MS = 20_000;

/** The engine behind a time limit and an agreed API version. */
export interface Engine {
  /**
   * Runs one call. `what` names it in errors: `list services`.
   * Rejects with what dockerode threw, or with `provider_unavailable` when the engine is silent for `limitMs`.
   */
  call<T>(
    what: string,
    run: (docker: Docker, signal: AbortSignal) => Promise<T>,
    limitMs?: number,
  ): Promise<T>;
  /** The same, with every failure translated to a FaasError. */
  ask<T>(
    what: string,
    run: (docker: Docker, signal: AbortSignal) => Promise<T>,
    limitMs?: number,
  ): Promise<T>;
}

/** Wraps `docker`; the API version is agreed before the first call, and again until that has succeeded once. */
export function createEngine(docker: Docker, options: { readonly callLimitMs?: number } = {}): Engine {
  const defaultLimitMs = options.callLimitMs ?? CALL_LIMIT_MS;
  let agreed: Promise<void> | undefined;

  const agree = (limitMs: number): Promise<void> => {
    agreed ??= agreeVersion(docker, limitMs).catch((error: unknown) => {
      agreed = undefined;
      throw error;
    });
    return agreed;
  };

  const engine: Engine = {
    call: async (what, run, limitMs = defaultLimitMs) => {
      await agree(limitMs);
      return withLimit(what, limitMs, (signal) => run(docker, signal));
    },
    ask: async (what, run, limitMs) => {
      try {
        return await engine.call(what, run, limitMs);
      } catch (error) {
        throw toFaasError(error, what);
      }
    },
  };
  return engine;
}

/** The version to speak with an engine. @throws {FaasError} `provider_unavailable` when there is none in common */
export function chooseApiVersion(engine: { readonly newest: string; readonly oldest: string }): string {
  if (compareVersions(engine.newest, OLDEST) < 0) {
    throw new FaasError(
      'provider_unavailable',
      `the Docker engine speaks API ${engine.newest}; at least ${OLDEST} (Docker 20.10) is needed: update it`,
    );
  }
  if (compareVersions(engine.oldest, NEWEST) > 0) {
    throw new FaasError(
      'provider_unavailable',
      `the Docker engine speaks API ${engine.oldest} and newer; this gateway knows ${NEWEST} at most: update the gateway`,
    );
  }
  return compareVersions(engine.newest, NEWEST) < 0 ? engine.newest : NEWEST;
}

async function agreeVersion(docker: Docker, limitMs: number): Promise<void> {
  try {
    const answer = await withLimit('read the version', limitMs, (abortSignal) =>
      // Not in the types, but taken: dockerode's own calls have it so.
      (docker.version as (options: object) => ReturnType<typeof docker.version>).call(docker, {
        abortSignal,
      }),
    );
    if (typeof answer?.ApiVersion !== 'string') {
      throw new FaasError(
        'provider_unavailable',
        'what answers as Docker engine tells no API version: is it one?',
      );
    }
    // Not in dockerode's types, but how it prefixes every path.
    (docker.modem as { version?: string }).version =
      `v${chooseApiVersion({ newest: answer.ApiVersion, oldest: answer.MinAPIVersion ?? '1.12' })}`;
  } catch (error) {
    throw toFaasError(error, 'read the version');
  }
}

async function withLimit<T>(
  what: string,
  limitMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new FaasError(
          'provider_unavailable',
          `the Docker engine did not answer within ${limitMs / 1000} s (${what})${mayBeDone(what)}`,
        ),
      );
      controller.abort();
    }, limitMs);
  });
  try {
    return await Promise.race([run(controller.signal), silence]);
  } finally {
    clearTimeout(timer);
  }
}

function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}
