import type { StoredMessage } from './stored-messages.ts';

/** Messages of a stream from a sequence on, the oldest first. */
export type OpenMessages = (from: number) => AsyncIterable<StoredMessage>;

export interface ReadDown {
  /** The oldest first. */
  readonly found: readonly StoredMessage[];
  /** All that there is from here up to where the reading began was found. */
  readonly from: number;
}

/** Held at a time. */
const MOST_READ = 1024;

/** What is right below a sequence, in a stream that can only be read upwards. @param from where to look at first */
export async function readDown(
  open: OpenMessages,
  range: { from: number; below: number },
): Promise<ReadDown> {
  const { below } = range;
  let { from } = range;
  for (;;) {
    const found: StoredMessage[] = [];
    for await (const message of open(from)) {
      if (message.seq >= below) break;
      found.push(message);
      if (message.seq === below - 1) return { found, from };
      if (found.length === MOST_READ) break;
    }
    if (found.length < MOST_READ) return { found, from };
    // Too many: the newer half alone.
    from = Math.max((found.at(-1)?.seq ?? from) + 1, Math.floor((from + below) / 2));
  }
}
