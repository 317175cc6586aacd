import type Docker from 'dockerode';

/** Of docker-modem: what it makes of an answer that was read to its end. */
type BuildPayload = (
  error: Error | null,
  isStream: boolean | undefined,
  statusCodes: unknown,
  openStdin: unknown,
  request: unknown,
  response: { readonly statusCode?: number },
  json: unknown,
  callback: (error: Error | null, value: unknown) => void,
) => void;

const MOST_SHOWN = 80;

/**
 * Makes a client refuse answers that no Docker engine gives. dockerode hands on whatever it is told: a proxy's page in
 * place of a list would be taken for a swarm without functions, its 404 for a function that is gone.
 */
export function guardAnswers(docker: Docker): Docker {
  const modem = docker.modem as unknown as { buildPayload: BuildPayload };
  const build = modem.buildPayload;
  modem.buildPayload = (error, isStream, statusCodes, openStdin, request, response, json, callback) => {
    if (error === null && isStream !== true && isForeign(response.statusCode ?? 0, json)) {
      callback(new Error(describe(response.statusCode ?? 0, json)), null);
      return;
    }
    build.call(modem, error, isStream, statusCodes, openStdin, request, response, json, callback);
  };
  return docker;
}

/** `json`: what was parsed, or the bytes of what could not be. The engine tells everything in JSON, errors as `message`. */
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
