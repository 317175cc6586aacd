import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;
const ATTEMPT_TIMEOUT_MS = 1000;

interface Place {
  readonly port: number;
  readonly path: string;
  /** `name.namespace` */
  readonly key: string;
}

/** Asks a watchdog on this machine for its health until it says that it is well. False: `signal` aborted before. */
export async function answersHealth({ port, path, key }: Place, signal: AbortSignal): Promise<boolean> {
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
        headers: { 'user-agent': 'skep-gateway/probe', 'x-skep-function': key },
        redirect: 'manual',
        keepalive: false,
      });
      await response.body?.cancel();
      // As the gateway sees it: a path that the function does not know is an answer, too.
      if (response.status < 500) return !signal.aborted;
    } catch {
      // Not yet: the next attempt tells.
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
  return false;
}
