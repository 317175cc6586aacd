import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, messageOf } from '../errors.ts';
import { type GatewayClient, unauthorised, unreachable } from '../gateway-client.ts';
import { NoSuchFunctionError } from '../read-function.ts';
import { type LogMessage, readLogMessages } from './log-lines.ts';
import { PrintedLines } from './printed-lines.ts';

const HEAD_TIMEOUT_MS = 60_000;
const RETRY_MS = 1000;
/** Tries of a gateway that went away while its log was followed. */
const MOST_TRIES = 60;
/** How much is asked for again after a break; lines that were printed are known by themselves. */
const OVERLAP_MS = 2000;

/** The gateway is away, or its log broke off: it may come back. */
class LogBroken extends CliError {}

/** @throws {NoSuchFunctionError} {LogBroken} {CliError} for everything else that the gateway answers */
export async function openLog(
  gateway: GatewayClient,
  query: URLSearchParams,
): Promise<AsyncGenerator<LogMessage>> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException('too slow', 'TimeoutError')), HEAD_TIMEOUT_MS);
  try {
    const options = { signal: limit.signal, timeoutMs: HEAD_TIMEOUT_MS };
    const response = await gateway.open('GET', `/system/logs?${query}`, options).catch((error: unknown) => {
      throw new LogBroken(messageOf(error), { cause: error });
    });
    if (response.status === 401) throw unauthorised(gateway.url);
    if (response.status !== 200) throw await refused(response, query);
    return readBody(gateway, response.body);
  } finally {
    clearTimeout(timer);
  }
}

async function refused(
  response: { readonly status: number; text(): Promise<string> },
  query: URLSearchParams,
): Promise<CliError> {
  const body = (await response.text()).trim();
  const name = [query.get('name'), query.get('namespace')].filter(Boolean).join('.');
  if (response.status === 404) return new NoSuchFunctionError(`No such function: ${name}`);
  if (response.status === 501) return new CliError('this gateway has no logs');
  const text = `Server returned unexpected status code: ${response.status} - ${body}`;
  return response.status < 500 ? new CliError(text) : new LogBroken(text);
}

async function* readBody(
  gateway: GatewayClient,
  body: NodeJS.ReadableStream | null,
): AsyncGenerator<LogMessage> {
  if (body === null) return;
  try {
    yield* readLogMessages(body);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new LogBroken(`The log broke off: ${messageOf(unreachable(gateway.url, HEAD_TIMEOUT_MS, error))}`, {
      cause: error,
    });
  }
}

/** Passes lines on until the user ends it or the function is gone; a gateway that closes is asked again for what came since. */
export async function followLog(
  note: (text: string) => void,
  gateway: GatewayClient,
  first: URLSearchParams,
  print: (message: LogMessage) => Promise<void>,
): Promise<void> {
  const printed = new PrintedLines({ hasFloor: Number(first.get('tail')) > 0 });
  let query = first;
  let hasBegun = false;
  let isLost = false;
  for (let tries = 1; ; tries += 1) {
    try {
      const messages = await openLog(gateway, query);
      if (isLost) note('Connected again.');
      isLost = false;
      hasBegun = true;
      tries = 1;
      for await (const message of messages) {
        if (printed.isNew(message)) await print(message);
      }
    } catch (error) {
      if (hasBegun && error instanceof NoSuchFunctionError) {
        note('The log ended: the function was removed.');
        return;
      }
      if (!hasBegun || tries >= MOST_TRIES || !(error instanceof LogBroken)) throw error;
      if (!isLost) note(`The connection was lost, trying again: ${messageOf(error)}`);
      isLost = true;
    }
    query = new URLSearchParams(first);
    if (printed.newestMs !== undefined) {
      query.set('since', new Date(printed.newestMs - OVERLAP_MS).toISOString());
      query.delete('tail');
    }
    printed.reconnect();
    await sleep(RETRY_MS);
  }
}
