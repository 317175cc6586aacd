import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';

/** Longer than the front's pool keeps an idle connection, so that it is never this side that closes first. */
const KEEP_ALIVE_MS = 30_000;

/** More than the front lets through and adds: its limit is the one that clients meet. */
const MOST_HEAD_BYTES = 128 * 1024;

export interface ControlPlaneServer {
  /** Stops accepting and resolves when what is in flight has been answered, or after `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/** Serves the control plane on a private Unix socket: the front listener is its only client, and has limited the heads. */
export async function listenOnSocket(listener: RequestListener, path: string): Promise<ControlPlaneServer> {
  await rm(path, { force: true }); // left behind by a process that was killed
  let isStopping = false;
  const server = createServer({ maxHeaderSize: MOST_HEAD_BYTES }, (request, response) => {
    response.once('close', () => {
      // Kept alive after its answer, the connection would hold up the stop.
      if (isStopping) setImmediate(() => server.closeIdleConnections());
    });
    listener(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0; // an upload takes as long as it takes; silence is limited in front
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
  const stop = async (withinMs: number): Promise<void> => {
    isStopping = true;
    const closed = once(server, 'close');
    server.close();
    const cutOff = setTimeout(() => server.closeAllConnections(), withinMs);
    try {
      server.closeIdleConnections();
      await closed;
    } finally {
      clearTimeout(cutOff);
      await rm(path, { force: true });
    }
  };
  let stopped: Promise<void> | undefined;
  return {
    close: (withinMs) => {
      stopped ??= stop(withinMs);
      return stopped;
    },
  };
}
