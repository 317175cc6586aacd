import { pause } from '../../queue/pause.ts';
import { errorCodeOf, NO_STREAM } from '../jetstream-errors.ts';
import type { QueueNames } from './names.ts';
import type { JetStreamSessions } from './session.ts';
import { type StoredMessage, storedMessage } from './stored-messages.ts';

const EVERY_MS = 150;
/** It is renewed twice a second. */
const WITHIN_MS = 1500;

/**
 * Whether any queue worker is there: one of them holds the lease of those that move what is due, and goes on renewing it. No clocks are
 * compared.
 * @returns in a few words, for people. @throws {Error} when none is, or nobody can tell
 */
export async function lookAtQueueWorkers(
  sessions: JetStreamSessions,
  { leases }: Pick<QueueNames, 'leases'>,
  signal: AbortSignal,
): Promise<string> {
  const session = await sessions.get();
  const look = (): Promise<StoredMessage | undefined> =>
    storedMessage(session, `KV_${leases}`, { last: `$KV.${leases}.mover` }).catch((error: unknown) => {
      if (errorCodeOf(error) === NO_STREAM) return undefined;
      throw error;
    });
  const first = await look();
  const began = performance.now();
  while (performance.now() - began < WITHIN_MS && !signal.aborted) {
    await pause(EVERY_MS, signal);
    const now = await look();
    if (now !== undefined && now.seq !== first?.seq && holderOf(now.data) !== '')
      return 'there is one, or more';
  }
  throw new Error('there is none: asynchronous calls are accepted, and wait');
}

function holderOf(data: Uint8Array): string {
  try {
    const { holder } = JSON.parse(new TextDecoder().decode(data)) as { holder?: unknown };
    return typeof holder === 'string' ? holder : '';
  } catch {
    return '';
  }
}
