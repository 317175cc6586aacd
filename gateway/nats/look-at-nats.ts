import { createConnection } from 'node:net';
import { ownValue, parseJson, parseObject } from '../../contract/parse-json.ts';

export interface NatsAddress {
  readonly host: string;
  readonly port: number;
}

/** A server's greeting has some hundred bytes; with many servers in a cluster, some thousand. */
const MOST_GREETING_BYTES = 64 * 1024;

/**
 * Connects to a NATS server and reads the line with which it greets: that something takes a connection proves nothing.
 * @returns e.g. `NATS 2.9.10 with JetStream`
 * @throws {Error} with the reason
 */
export async function lookAtNats({ host, port }: NatsAddress, signal: AbortSignal): Promise<string> {
  const where = `${host}:${port}`;
  const greeting = await readLine({ host, port }, signal).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === undefined ? cause.message : cause.code;
    throw new Error(`NATS cannot be reached at ${where} (${reason}): is the service nats running?`, {
      cause,
    });
  });
  if (!greeting.startsWith('INFO ')) {
    throw new Error(`what answers at ${where} is no NATS server: see faas_nats_address and faas_nats_port`);
  }
  const info = parseObject(parseJson(greeting.slice('INFO '.length)), `the greeting of ${where}`);
  const version = ownValue(info, 'version');
  return `NATS ${typeof version === 'string' ? version : 'of unknown version'}, ${
    ownValue(info, 'jetstream') === true ? 'with' : 'without'
  } JetStream`;
}

function readLine({ host, port }: NatsAddress, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port });
    let text = '';
    const end = (): void => {
      signal.removeEventListener('abort', end);
      socket.destroy();
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    signal.addEventListener('abort', end, { once: true });
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += String(chunk);
      const lineEnd = text.indexOf('\n');
      if (lineEnd !== -1) {
        end();
        resolve(text.slice(0, lineEnd).trimEnd());
      } else if (text.length > MOST_GREETING_BYTES) {
        fail(new Error('a greeting without end'));
      }
    });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('it hung up without a greeting')));
  });
}
