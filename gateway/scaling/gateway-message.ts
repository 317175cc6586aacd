import type { AlertOccurrence } from '../../contract/parse-alerts.ts';
import { ownValue, parseObject } from '../../contract/parse-json.ts';
import type { AlertNews } from './alert-memory.ts';
import type { GatewayLoad } from './function-load.ts';

/** What one gateway tells the others. */
export type GatewayMessage = {
  /** Of the gateway, in this run of it. */
  readonly id: string;
} & (
  | {
      readonly kind: 'some';
      /** It has just come, and would like to be told all. */
      readonly asks: boolean;
      readonly loads: ReadonlyMap<string, GatewayLoad>;
    }
  /** Part of all it has; all parts of one telling have the same number. */
  | {
      readonly kind: 'all';
      readonly telling: number;
      readonly part: number;
      readonly parts: number;
      readonly loads: ReadonlyMap<string, GatewayLoad>;
    }
  /** What alerts of one function led to. */
  | { readonly kind: 'alerts'; readonly news: AlertNews }
  | { readonly kind: 'bye' }
);

/** A function's name and namespace have 63 characters each. */
const LONGEST_NAME = 128;
const LONGEST_ID = 128;
const MOST_ALERTS = 10_000;
/** Bytes of a function in a message, at most: its name, two numbers of 16 digits and what stands between. */
const BYTES_PER_FUNCTION = LONGEST_NAME + 40;
const BYTES_BESIDE = 512;

/** How many functions fit into a message of so many bytes. */
export function functionsPerMessage(bytes: number): number {
  return Math.max(1, Math.floor((bytes - BYTES_BESIDE) / BYTES_PER_FUNCTION));
}

/** @returns e.g. `{"id":"a","kind":"some","asks":false,"loads":{"echo.openfaas-fn":[12,3]}}` */
export function encodeGatewayMessage(message: GatewayMessage): string {
  if (message.kind === 'bye') return JSON.stringify(message);
  if (message.kind === 'alerts') {
    const { key, goal, isDone } = message.news;
    const alerts = message.news.alerts.map(({ status, occurrence }) => ({ status, occurrence }));
    return JSON.stringify({ ...message, news: { key, alerts, goal, isDone } });
  }
  const loads = Array.from(message.loads, ([name, { started, inFlight }]) => [name, [started, inFlight]]);
  return JSON.stringify({ ...message, loads: Object.fromEntries(loads) });
}

/** @throws {Error} for everything that no gateway of this version says */
export function decodeGatewayMessage(text: string): GatewayMessage {
  const message = parseObject(JSON.parse(text), 'the message');
  const id = ownValue(message, 'id');
  if (typeof id !== 'string' || id === '' || id.length > LONGEST_ID) throw new Error('id: expected a name');
  const kind = ownValue(message, 'kind');
  if (kind === 'bye') return { id, kind };
  if (kind === 'alerts') return { id, kind, news: decodeNews(ownValue(message, 'news')) };
  const loads = decodeLoads(ownValue(message, 'loads'));
  if (kind === 'some') return { id, kind, asks: ownValue(message, 'asks') === true, loads };
  if (kind !== 'all') throw new Error('kind: expected some, all, alerts or bye');
  const telling = decodeCount(ownValue(message, 'telling'), 'telling');
  const part = decodeCount(ownValue(message, 'part'), 'part');
  const parts = decodeCount(ownValue(message, 'parts'), 'parts');
  if (part < 1 || part > parts) throw new Error('part: expected 1 to parts');
  return { id, kind, telling, part, parts, loads };
}

function decodeNews(value: unknown): AlertNews {
  const news = parseObject(value, 'news');
  const key = decodeName(ownValue(news, 'key'), 'news.key');
  const alerts = ownValue(news, 'alerts');
  if (!Array.isArray(alerts) || alerts.length > MOST_ALERTS) throw new Error('news.alerts: expected a list');
  return {
    key,
    alerts: alerts.map((alert: unknown) => {
      const told = parseObject(alert, 'news.alerts');
      const status = ownValue(told, 'status');
      if (status !== 'firing' && status !== 'resolved') throw new Error('news.alerts: expected a status');
      const occurrence = ownValue(told, 'occurrence');
      return { status, ...(occurrence !== undefined && { occurrence: decodeOccurrence(occurrence) }) };
    }),
    goal: decodeCount(ownValue(news, 'goal'), 'news.goal'),
    isDone: ownValue(news, 'isDone') === true,
  };
}

function decodeOccurrence(value: unknown): AlertOccurrence {
  const occurrence = parseObject(value, 'news.alerts');
  return {
    id: decodeName(ownValue(occurrence, 'id'), 'news.alerts'),
    startsAtMs: decodeCount(ownValue(occurrence, 'startsAtMs'), 'news.alerts'),
  };
}

function decodeLoads(value: unknown): Map<string, GatewayLoad> {
  const loads = new Map<string, GatewayLoad>();
  for (const [name, pair] of Object.entries(parseObject(value, 'loads'))) {
    decodeName(name, 'loads');
    if (!Array.isArray(pair) || pair.length !== 2) throw new Error(`loads: ${name}: expected two counts`);
    loads.set(name, {
      started: decodeCount(pair[0], `loads: ${name}`),
      inFlight: decodeCount(pair[1], `loads: ${name}`),
    });
  }
  return loads;
}

function decodeName(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_NAME) {
    throw new Error(`${field}: expected a name`);
  }
  return value;
}

function decodeCount(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Error(`${field}: expected a count`);
  }
  return value;
}
