import { CliError } from '../errors.ts';
import { formatGoTime } from '../go-time.ts';

/** One line of a function's log, as gateways send it. */
export interface LogMessage {
  readonly name: string;
  readonly namespace: string;
  readonly instance: string;
  readonly timestamp: string;
  readonly text: string;
}

export const LOG_FORMATS = ['plain', 'keyvalue', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LineOptions {
  readonly format: LogFormat;
  /** A layout of Go; empty: no time. */
  readonly layout: string;
  readonly name: boolean;
  readonly instance: boolean;
}

/** A message as one line, without its end; scripts match these. */
export function formatLogLine(message: LogMessage, options: LineOptions): string {
  if (options.format === 'json') return JSON.stringify(message);
  const time = options.layout === '' ? '' : formatGoTime(message.timestamp, options.layout);
  const text = message.text.replace(/\n+$/, '');
  if (options.format === 'keyvalue') {
    const pairs = [
      ...(options.layout === '' ? [] : [`timestamp="${time}"`]),
      ...(options.name ? [`name="${message.name}"`] : []),
      ...(options.instance ? [`instance="${message.instance}"`] : []),
      `text="${text}"`,
    ];
    return pairs.map((pair) => `${pair} `).join('');
  }
  const parts = [
    ...(options.layout === '' ? [] : [time]),
    ...(options.name ? [message.name] : []),
    ...(options.instance ? [`(${message.instance})`] : []),
    text,
  ];
  return parts.join(' ');
}

/** Longest line that is put together. */
const MOST_LINE_CHARS = 16 * 1024 * 1024;

/** The messages of an ndjson body, as they come. @throws {CliError} for what is no log */
export async function* readLogMessages(body: AsyncIterable<string | Uint8Array>): AsyncGenerator<LogMessage> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MOST_LINE_CHARS) throw new CliError('the gateway sent a line without end');
    for (const line of lines) if (line.trim() !== '') yield parseMessage(line);
  }
  if (rest.trim() !== '') yield parseMessage(rest);
}

function parseMessage(line: string): LogMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // told below, with everything else that is no message
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(`the gateway sent something that is no log: ${line.slice(0, 100)}`);
  const fields = value as Readonly<Record<string, unknown>>;
  const text = (key: string): string => {
    const field = fields[key];
    return typeof field === 'string' ? field : '';
  };
  if (text('timestamp') === '')
    throw new CliError(`the gateway sent a line without a time: ${line.slice(0, 100)}`);
  return {
    name: text('name'),
    namespace: text('namespace'),
    instance: text('instance'),
    timestamp: text('timestamp'),
    text: text('text'),
  };
}
