/** What keeps bytes of a connection for longer than an event: they were not read by the other side, or not all came that are needed. */
export interface Holder {
  /** Kept by {@link hold} and {@link letGo}. */
  heldBytes: number;
  /** Ends its connection; not before whoever is writing is done. */
  giveUp(): void;
}

const DEFAULT_LIMIT_BYTES = 128 * 1024 * 1024;
let limitBytes = DEFAULT_LIMIT_BYTES;
let totalBytes = 0;
/** Who holds something; first the one that has been stuck longest. */
const holders = new Set<Holder>();

/**
 * Bounds what all connections of this process together hold: for others that do not read, and of requests that do not come to
 * their end. Each of them holds no more than came at once, up to 512 KiB, but there may be thousands. Default 128 MiB.
 */
export function limitHeldBytes(bytes: number): void {
  limitBytes = bytes;
}

/** What is held in this process, now. */
export function heldBytesInAll(): number {
  return totalBytes;
}

/** `bytes` more wait. Where that is too much, those connections end that have made no way for longest. */
export function hold(holder: Holder, bytes: number): void {
  holders.add(holder);
  holder.heldBytes += bytes;
  totalBytes += bytes;
  while (totalBytes > limitBytes) {
    const [stuck] = holders;
    if (stuck === undefined) return;
    letGo(stuck, stuck.heldBytes);
    stuck.giveUp();
  }
}

/** `bytes` of it are out, or forgotten. */
export function letGo(holder: Holder, bytes: number): void {
  // One that was given up has let go of all already.
  const gone = Math.min(bytes, holder.heldBytes);
  holder.heldBytes -= gone;
  totalBytes -= gone;
  holders.delete(holder);
  if (holder.heldBytes > 0) holders.add(holder);
}
