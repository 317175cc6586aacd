import type Docker from 'dockerode';
import { FUNCTION_LABEL } from '../functions/labels.ts';
import type { Engine } from './engine.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;

export interface EventListener {
  /** Events come in from now on, or no longer do; those between are lost. */
  onFollowed(isFollowed: boolean): void;
  /** A service was made, changed or removed: one of a function's, or any other, since events do not tell labels. */
  onService(): void;
  /** A function's container on this node has started or ended. */
  onContainer(): void;
}

/** Follows the engine's events. Never throws; reconnects until stopped. Returns the stop. */
export function watchFunctions(engine: Engine, listener: EventListener): () => void {
  const stopped = new AbortController();
  void follow(engine, listener, stopped.signal);
  return () => stopped.abort();
}

async function follow(engine: Engine, listener: EventListener, stopped: AbortSignal): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  while (!stopped.aborted) {
    try {
      const events = await openEvents(engine, stopped);
      waitMs = FIRST_WAIT_MS;
      listener.onFollowed(true);
      await readEvents(events, listener, stopped);
    } catch {
      // A hint that does not come is made up for by the poll; whoever polls tells of an engine that is away.
    }
    if (stopped.aborted) return;
    listener.onFollowed(false);
    await sleep(waitMs, stopped);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

function openEvents(engine: Engine, stopped: AbortSignal): Promise<NodeJS.ReadableStream> {
  const filters = { type: ['service', 'container'], event: ['create', 'update', 'remove', 'start', 'die'] };
  return engine.call('watch events', (docker, signal) => {
    // Aborted by the limit while the engine is silent, by the stop for as long as the stream lasts.
    const abortSignal = AbortSignal.any([signal, stopped]);
    return docker.getEvents({ filters: JSON.stringify(filters), abortSignal } as Docker.GetEventsOptions);
  });
}

async function readEvents(
  stream: NodeJS.ReadableStream,
  listener: EventListener,
  stopped: AbortSignal,
): Promise<void> {
  const close = (): void => {
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  };
  stopped.addEventListener('abort', close, { once: true });
  try {
    let rest = '';
    for await (const chunk of stream) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      if (stopped.aborted) return;
      if (lines.some((line) => line.includes('"Type":"service"'))) listener.onService();
      else if (lines.some((line) => line.includes(`"${FUNCTION_LABEL}":`))) listener.onContainer();
    }
  } finally {
    stopped.removeEventListener('abort', close);
  }
}

function sleep(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stopped.addEventListener('abort', done);
  });
}
