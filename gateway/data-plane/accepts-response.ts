import type { UpstreamResponseHead } from '../../http1/types.ts';

const MISDIRECTED = 421;
export const TOO_MANY = 429;

/**
 * Whether the function itself answered. A 421 of a watchdog says that it is another function (the cluster gave the
 * address away) and ran nothing; a 421 of a function's own is an answer like any other.
 */
export function acceptsResponse(head: UpstreamResponseHead): boolean {
  if (head.status !== MISDIRECTED) return true;
  const { headers } = head;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'x-openfaas-internal' && headers[i + 1] === 'watchdog') return false;
  }
  return true;
}

/** The same, but for a watchdog's word that it has as many calls as its `max_inflight` allows, and ran nothing. */
export function acceptsUnlessBusy(head: UpstreamResponseHead): boolean {
  if (head.status !== TOO_MANY) return acceptsResponse(head);
  const { headers } = head;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'x-openfaas-internal' && headers[i + 1] === 'faas-middleware')
      return false;
  }
  return true;
}
