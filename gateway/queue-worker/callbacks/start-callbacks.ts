import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { CallbackAddresses } from '../../queue/callback-address.ts';
import type { PartOptions, WorkerPart } from '../worker-part.ts';
import { CallbackSigner } from './callback-headers.ts';
import { CallbackDeliverer } from './deliverer.ts';
import { post } from './post.ts';

/** What of the functions' results goes to clients' addresses. @throws {Error} when the secret cannot be read */
export function startCallbacks({ config, logger, queue, metrics }: PartOptions): WorkerPart {
  const { callbacks, gateway, upstreamTimeoutMs } = config;
  const addresses = new CallbackAddresses({ allow: callbacks.allow, ownNetworks: ownNetworks() });
  const deliverer = new CallbackDeliverer({
    store: queue.callbacks,
    results: queue.results,
    post: (wanted, signal) =>
      post(
        wanted,
        { addresses, gateway, timeoutMs: callbacks.timeoutMs, functionTimeoutMs: upstreamTimeoutMs },
        signal,
      ),
    signer: callbacks.secretFile === '' ? undefined : new CallbackSigner(readSecret(callbacks.secretFile)),
    rules: callbacks.rules,
    mostInflight: callbacks.mostInflight,
    mostPerHost: callbacks.mostPerHost,
    logger,
    onOutcome: (outcome) => metrics.callbackEnded(outcome),
    onRoom: () => source.ask(),
  });
  const source = queue.feedCallbacks({
    onCallback: (delivery) => deliverer.add(delivery),
    room: () => deliverer.room,
  });
  source.start();
  deliverer.start();
  return {
    stop: async (withinMs) => {
      await source.drain();
      const cutOff = await deliverer.stop(withinMs);
      await source.stop();
      return cutOff;
    },
  };
}

/** Without the line's end that editors add. @throws {Error} when there is none */
function readSecret(file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Error(`callback_secret_file=${file}: it cannot be read (${(cause as Error).message})`, {
      cause,
    });
  }
  if (secret === '') throw new Error(`callback_secret_file=${file}: it is empty`);
  return secret;
}

/** Networks that this worker is in: those of the platform, whatever addresses it was given. */
function ownNetworks(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ cidr }) => (cidr === null ? [] : [cidr.replace(/%[^/]*/, '')]));
}
