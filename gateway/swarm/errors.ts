import { FaasError } from '../errors.ts';

/** What dockerode rejects with: an HTTP answer of the engine, or a failed connection. */
interface EngineFailure {
  readonly statusCode?: number;
  readonly json?: unknown;
  readonly code?: string;
  readonly message?: string;
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'FailedToOpenSocket',
  'ConnectionRefused',
]);

const BROKEN_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ConnectionClosed']);

/** Beginnings of the codes that a failed handshake has, and what each means to whoever set up the certificates. */
const TLS_FAILURES: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:UNABLE_TO_(?:VERIFY|GET)|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE|CERT_UNTRUSTED)/,
    'its certificate is not by the CA in ca.pem (in DOCKER_CERT_PATH)',
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID/, 'its certificate is for another name than the one in DOCKER_HOST'],
  [/^CERT_HAS_EXPIRED/, 'its certificate has expired: renew it'],
  [/^CERT_NOT_YET_VALID/, 'its certificate is not valid yet: are the clocks of both machines right?'],
  [
    /^ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH|HTTP)/,
    'it does not speak TLS: unset DOCKER_TLS_VERIFY, or name the port of its TLS in DOCKER_HOST',
  ],
  [
    /^ERR_SSL_.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/,
    'it refuses the certificate of this client: cert.pem (in DOCKER_CERT_PATH) must be there, be by the CA that the engine trusts, and not be expired',
  ],
];

/** Longest sentence of the engine, or of what stands in its place, that is passed on. */
const LONGEST_SENTENCE = 1000;

/** The engine's HTTP status, or undefined when it never answered. */
export function engineStatus(error: unknown): number | undefined {
  return asFailure(error).statusCode;
}

/** The engine's own sentence, without what dockerode and gRPC put before it. */
export function engineSentence(error: unknown): string {
  const { json, message } = asFailure(error);
  const told =
    typeof json === 'object' && json !== null && 'message' in json
      ? String(json.message)
      : (message ?? 'no reason given');
  return told
    .slice(0, LONGEST_SENTENCE)
    .replace(/^\(HTTP code \d+\) [\w ]+ - /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Another writer was faster: the service is to be read again. The engine answers this with 500, not 409. */
export function isOutOfSequence(error: unknown): boolean {
  return engineSentence(error).includes('update out of sequence');
}

/**
 * A failed engine call in the gateway's words; the original is kept as `cause`.
 * @param what the call, for the log and the reader: `create service figlet`
 */
export function toFaasError(error: unknown, what: string): FaasError {
  if (error instanceof FaasError) return error;
  const { statusCode, code } = asFailure(error);
  const sentence = engineSentence(error);
  const unavailable = (text: string): FaasError =>
    new FaasError('provider_unavailable', text, { cause: error });
  if (statusCode === undefined) {
    if (code === 'EACCES' || code === 'EPERM') {
      return unavailable(
        'the Docker socket may not be opened: run the gateway as a user of the docker group',
      );
    }
    const tls = TLS_FAILURES.find(([pattern]) => pattern.test(code ?? ''));
    if (tls !== undefined) return unavailable(`the Docker engine cannot be reached over TLS: ${tls[1]}`);
    if (code !== undefined && BROKEN_OFF.has(code)) {
      return unavailable(
        `the Docker engine ended the connection before its answer (${what}, ${code}): is it being restarted?${mayBeDone(what)}`,
      );
    }
    if (code !== undefined && UNREACHABLE.has(code)) {
      return unavailable(
        `the Docker engine cannot be reached (${code}): is it running, and is its socket mounted at /var/run/docker.sock or named by DOCKER_HOST?`,
      );
    }
    return unavailable(`the Docker engine did not answer (${what}): ${sentence}${mayBeDone(what)}`);
  }
  if (/not a swarm manager/i.test(sentence)) {
    return unavailable(
      /worker/i.test(sentence)
        ? 'this node is a swarm worker: the gateway must run on a manager (placement constraint node.role == manager)'
        : 'this Docker engine is not in a swarm, or is not a manager of it: run `docker swarm init`, or place the gateway on a manager',
    );
  }
  if (/does not have a leader|deadline exceeded/i.test(sentence)) {
    return unavailable(
      `the swarm has no leader at the moment (${what}): more than half of its managers must be up`,
    );
  }
  if (statusCode === 400) return new FaasError('invalid_request', sentence, { cause: error });
  if (/raft message is too large/.test(sentence)) {
    return new FaasError(
      'invalid_request',
      `this is more than Swarm keeps of one service (${what}): put large values into a secret or the image`,
      { cause: error },
    );
  }
  // The engine says 500 to a placement constraint that it cannot read.
  if (/^constraint |^(?:key|value) '.*' is invalid/.test(sentence)) {
    return new FaasError('invalid_request', `constraints: ${sentence}`, { cause: error });
  }
  return unavailable(`the Docker engine refused (${what}): ${sentence}`);
}

/** For calls that change something: the answer is what is missing, the change itself may stand. */
export function mayBeDone(what: string): string {
  return /^(?:create|update|remove) /.test(what)
    ? '; it may have been done all the same: look before you ask again'
    : '';
}

function asFailure(error: unknown): EngineFailure {
  return typeof error === 'object' && error !== null ? (error as EngineFailure) : { message: String(error) };
}
