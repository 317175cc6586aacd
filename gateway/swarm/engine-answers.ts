import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type Docker from 'dockerode';

/** The parts of docker-modem, dockerode's client, that are replaced here; its types do not tell of them. */
interface Modem {
  readonly protocol: string;
  buildRequest(
    options: RequestOptions & { readonly signal?: AbortSignal },
    context: Context,
    data: unknown,
    callback: Callback,
  ): void;
  buildPayload(
    error: unknown,
    isStream: boolean | undefined,
    statusCodes: Context['statusCodes'],
    openStdin: unknown,
    request: unknown,
    response: IncomingMessage,
    json: unknown,
    callback: Callback,
  ): void;
}

interface Context {
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly openStdin?: boolean;
  readonly statusCodes: unknown;
}

type Callback = (error: unknown, value: unknown) => void;

const MOST_SHOWN = 80;

/**
 * Makes a client take whole answers of a Docker engine and no others. dockerode hands on whatever it is told: a proxy's
 * page in place of a list would be taken for a swarm without functions, its 404 for a function that is gone. And it waits
 * for ever for the rest of an answer that was cut off. Streams are left as they are: whoever reads them sees to both.
 */
export function guardAnswers(docker: Docker): Docker {
  const modem = docker.modem as unknown as Modem;
  const buildRequest = modem.buildRequest;
  modem.buildRequest = (options, context, data, callback) => {
    const isPlain = !context.isStream && !context.hijack && !context.openStdin;
    if (!isPlain || (data !== undefined && typeof data !== 'string')) {
      buildRequest.call(modem, options, context, data, callback);
      return;
    }
    exchange({ isTls: modem.protocol === 'https', options, body: data }, (error, response, bytes) => {
      if (error !== undefined || response === undefined) {
        callback(error, null);
        return;
      }
      const json = parse(bytes);
      const status = response.statusCode ?? 0;
      if (isForeign(status, json)) callback(new Error(describe(status, json)), null);
      else modem.buildPayload(null, false, context.statusCodes, false, {}, response, json, callback);
    });
  };
  return docker;
}

/** One request and its whole answer; `done` is called once. */
function exchange(
  call: {
    readonly isTls: boolean;
    readonly options: RequestOptions & { readonly signal?: AbortSignal };
    readonly body: string | undefined;
  },
  done: (error: unknown, response?: IncomingMessage, bytes?: Buffer) => void,
): void {
  // Under Bun a request whose signal aborts after its answer was read throws where nobody can catch it.
  const { signal, ...options } = call.options;
  let isOver = false;
  const finish: typeof done = (error, response, bytes) => {
    if (isOver) return;
    isOver = true;
    signal?.removeEventListener('abort', abort);
    done(error, response, bytes);
  };
  const abort = (): void => {
    finish(signal?.reason ?? new Error('aborted'));
    request.destroy();
  };
  const request = (call.isTls ? requestTls : requestPlain)(options, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('end', () => finish(undefined, response, Buffer.concat(chunks)));
    response.once('error', (error) => finish(error));
    response.once('close', () =>
      finish(Object.assign(new Error('its answer was cut off'), { code: 'ECONNRESET' })),
    );
  });
  request.on('error', (error) => finish(error));
  if (signal?.aborted) {
    abort();
    return;
  }
  signal?.addEventListener('abort', abort, { once: true });
  request.end(call.body);
}

/** What the engine told, or the bytes of what is no JSON. */
function parse(bytes: Buffer = Buffer.alloc(0)): unknown {
  try {
    return JSON.parse(bytes.toString()) ?? bytes;
  } catch {
    return bytes;
  }
}

/** The engine tells everything in JSON, errors as `message`. */
function isForeign(status: number, json: unknown): boolean {
  if (Buffer.isBuffer(json)) return json.length > 0 || status >= 400;
  return status >= 400 && (typeof json !== 'object' || json === null || !('message' in json));
}

function describe(status: number, json: unknown): string {
  const text = (Buffer.isBuffer(json) ? json.toString() : JSON.stringify(json)).replace(/\s+/g, ' ').trim();
  if (text.includes('HTTP request to an HTTPS server')) {
    return 'it speaks TLS alone: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH';
  }
  return `what answers there is no Docker engine: status ${status}, ${JSON.stringify(text.slice(0, MOST_SHOWN))}`;
}
