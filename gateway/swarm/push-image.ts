import { parseImageReference } from '../../contract/image-reference.ts';
import { HUB_SERVER, type RegistryLogin } from '../build/registry-logins.ts';
import { byContract } from '../functions/by-contract.ts';
import type { Engine } from './engine.ts';
import { readMessages } from './engine-messages.ts';
import { engineSentence, engineStatus, toFaasError } from './errors.ts';
import { linkSignal } from './linked-signal.ts';

export interface PushOptions {
  readonly login: RegistryLogin | undefined;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves with why the registry does not have the image, if so. */
export async function pushImage(
  engine: Engine,
  image: string,
  { login, onLine, signal }: PushOptions,
): Promise<string | undefined> {
  const { repository, tag = 'latest', registry } = byContract(() => parseImageReference(image));
  const link = linkSignal(signal);
  const server = registry ?? 'docker.io';
  try {
    const stream = await engine.call('push image', (docker, limit) =>
      docker.getImage(repository).push({
        tag,
        // The engine wants the header even when there are no credentials.
        authconfig: login === undefined ? {} : { ...login, serveraddress: registry ?? HUB_SERVER },
        abortSignal: AbortSignal.any([link.signal, limit]),
      }),
    );
    let failure: string | undefined;
    for await (const message of readMessages(stream, signal)) {
      failure ??= message.error;
      for (const line of message.lines) onLine(line);
    }
    signal.throwIfAborted();
    return failure === undefined ? undefined : withAdvice(failure, server, login);
  } catch (error) {
    signal.throwIfAborted();
    if (engineStatus(error) !== undefined) return withAdvice(engineSentence(error), server, login);
    throw toFaasError(error, 'push image');
  } finally {
    link.release();
  }
}

/** What the engine says, and what to do about it where that is known. */
export function withAdvice(sentence: string, server: string, login: RegistryLogin | undefined): string {
  const advice = ADVICE.find(([pattern]) => pattern.test(sentence))?.[1];
  return advice === undefined ? sentence : `${advice(server, login)} (${sentence})`;
}

const ADVICE: readonly (readonly [RegExp, (server: string, login: RegistryLogin | undefined) => string])[] = [
  [
    /no basic auth credentials|unauthorized|authentication required|denied|incorrect username or password/i,
    (server, login) =>
      login === undefined
        ? `the registry ${server} wants credentials, and the gateway has none for it: give it a config.json`
        : `the registry ${server} does not let ${login.username} push this`,
  ],
  [
    /connection refused|connect: no route|network is unreachable/i,
    (server) => `nothing answers at the registry ${server}: is it running?`,
  ],
  [
    /no such host|server misbehaving|name resolution/i,
    (server) => `there is no registry ${server}: is its name right?`,
  ],
  [
    /i\/o timeout|deadline exceeded|Client\.Timeout|request canceled/i,
    (server) => `the registry ${server} did not answer in time`,
  ],
  [
    /server gave HTTP response to HTTPS client/i,
    (server) =>
      `the registry ${server} has no TLS: name it by a loopback address, or among the insecure-registries of every engine`,
  ],
  [/x509:|certificate/i, (server) => `the engine does not trust the certificate of the registry ${server}`],
  [
    /\bEOF\b|connection reset|broken pipe/i,
    (server) => `the registry ${server} hung up: does it run, behind what forwards to it?`,
  ],
  [
    /unexpected HTTP status: 5\d\d/i,
    (server) => `the registry ${server} failed by itself: its log says why; often its disk is full`,
  ],
  [/no space left/i, (server) => `the disk of the registry ${server} is full`],
];
