import { connect } from 'node:net';
import { CliError } from '../cli/errors.ts';

export interface NatsAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a NATS server is by default. */
export const LOCAL_NATS: NatsAddress = { host: '127.0.0.1', port: 4222 };
const GREETING_MS = 500;
const MOST_GREETING_CHARS = 64 * 1024;

/** @throws {CliError} unless it is HOST or HOST:PORT */
export function parseNatsAddress(text: string): NatsAddress {
  const [, host = '', port = String(LOCAL_NATS.port)] =
    /^(?:nats:\/\/)?([\w.-]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) {
    throw new CliError(`--nats must be HOST:PORT, such as 127.0.0.1:4222, but you gave: ${text}`);
  }
  return { host, port: Number(port) };
}

/** Why a NATS server cannot be the queue; undefined: it can. */
export function natsTrouble({ host, port }: NatsAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = '';
    const finish = (trouble: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(trouble);
    };
    const timer = setTimeout(() => finish('nothing answers'), GREETING_MS);
    socket.setEncoding('utf8');
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' ? 'nothing listens there' : error.message),
    );
    socket.on('close', () => finish('it closes the connection'));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n') && text.length < MOST_GREETING_CHARS) return;
      finish(troubleIn(text.slice(0, text.indexOf('\n'))));
    });
  });
}

/** What a NATS server says first: `INFO {…}`. */
function troubleIn(greeting: string): string | undefined {
  if (!greeting.startsWith('INFO ')) return 'what listens there is no NATS server';
  try {
    const info = JSON.parse(greeting.slice(5)) as { jetstream?: boolean; auth_required?: boolean };
    if (info.jetstream !== true) return 'it runs without JetStream (nats-server -js)';
    return info.auth_required === true ? 'it asks for credentials' : undefined;
  } catch {
    return 'what listens there is no NATS server';
  }
}
