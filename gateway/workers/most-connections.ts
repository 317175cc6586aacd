/** Descriptors that a worker has open while no call is, with some to spare for probes. */
const RESERVED = 64;
/** A client's connection, and the one to a replica that its call takes. */
const PER_CONNECTION = 2;
const LEAST = 4;

/**
 * How many client connections one worker takes at a time: its share of the setting, and no more than it has descriptors for.
 * @param maxConnections of the whole gateway; 0: no limit but that
 * @param descriptors that the process may have open
 */
export function mostConnections(maxConnections: number, workers: number, descriptors: number): number {
  const share = maxConnections === 0 ? Number.POSITIVE_INFINITY : Math.ceil(maxConnections / workers);
  return Math.min(share, Math.max(LEAST, Math.floor((descriptors - RESERVED) / PER_CONNECTION)));
}
