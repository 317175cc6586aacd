import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';

/** An engine of one service, whose log a test writes by hand. */
export interface ScriptedLogEngine {
  readonly docker: Docker;
  /** Queries of the log streams asked for, in order. */
  readonly queries: URLSearchParams[];
  /** Log streams that are open now. */
  openStreams(): number;
  close(): Promise<void>;
}

/** Writes one log stream; may end it, leave it open, or answer something else. */
export type LogScript = (response: ServerResponse, query: URLSearchParams) => void;

export async function startLogEngine(
  script: LogScript,
  service: { isThere: boolean; tty?: boolean } = { isThere: true },
): Promise<ScriptedLogEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-logs-'));
  const queries: URLSearchParams[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://engine');
    const json = (value: unknown): void => void response.end(JSON.stringify(value));
    if (url.pathname === '/version') json({ ApiVersion: '1.41', MinAPIVersion: '1.12' });
    else if (url.pathname.endsWith('/services')) json(service.isThere ? [toService(service.tty)] : []);
    else if (/\/services\/[^/]+$/.test(url.pathname))
      response.writeHead(404).end('{"message":"service not found"}');
    else {
      queries.push(url.searchParams);
      open += 1;
      response.once('close', () => {
        open -= 1;
      });
      script(response, url.searchParams);
    }
  });
  const path = join(folder, 'docker.sock');
  server.listen(path);
  await once(server, 'listening');
  return {
    docker: connectEngine({ DOCKER_HOST: `unix://${path}` }),
    queries,
    openStreams: () => open,
    close: async () => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function toService(tty = false): unknown {
  return {
    ID: 'service1',
    CreatedAt: '2026-01-01T00:00:00Z',
    Spec: {
      Name: 'echo',
      Labels: { 'com.openfaas.function': 'echo' },
      TaskTemplate: { ContainerSpec: { TTY: tty } },
    },
  };
}

/** The text of a line as the engine has it: `second` of 1 January 2026. */
export function written(second: number, text: string, task = 'one'): string {
  const time = `2026-01-01T00:${String(Math.floor(second / 60)).padStart(2, '0')}:${String(second % 60).padStart(2, '0')}.000000001Z`;
  return `${time} com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=${task} ${text}\n`;
}

/** A frame of the engine's log stream; kind 1 is stdout, 2 stderr, 3 the engine's own. */
export function frame(text: string, kind = 1): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
