import { ContractError } from '../../contract/contract-error.ts';
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
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'FailedToOpenSocket',
  'ConnectionRefused',
  'ConnectionClosed',
]);

/** Runs one of the contract's parsers. @throws {FaasError} `invalid_request` in its words */
export function byContract<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ContractError) {
      throw new FaasError('invalid_request', error.message, { cause: error });
    }
    throw error;
  }
}

/** The engine's HTTP status, or undefined when it never answered. */
export function engineStatus(error: unknown): number | undefined {
  return asFailure(error).statusCode;
}

/** The engine's own sentence, without the prefix that gRPC puts before it. */
export function engineSentence(error: unknown): string {
  const { json, message } = asFailure(error);
  const told =
    typeof json === 'object' && json !== null && 'message' in json
      ? String(json.message)
      : (message ?? 'no reason given');
  return told.replace(/^rpc error: code = \w+ desc = /, '').trim();
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
    if (code !== undefined && UNREACHABLE.has(code)) {
      return unavailable(
        `the Docker engine cannot be reached (${code}): is it running, and is its socket mounted at /var/run/docker.sock or named by DOCKER_HOST?`,
      );
    }
    return unavailable(`the Docker engine did not answer (${what}): ${sentence}`);
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
  // The engine says 500 to a placement constraint that it cannot read.
  if (/^constraint |^(?:key|value) '.*' is invalid/.test(sentence)) {
    return new FaasError('invalid_request', `constraints: ${sentence}`, { cause: error });
  }
  return unavailable(`the Docker engine refused (${what}): ${sentence}`);
}

function asFailure(error: unknown): EngineFailure {
  return typeof error === 'object' && error !== null ? (error as EngineFailure) : { message: String(error) };
}
