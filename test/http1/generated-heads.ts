/** Messages to be read and broken: made of parts that mean something to HTTP, then changed at random. */
export type Random = () => number;

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'CONNECT', 'get', 'M-SEARCH'];
const TARGETS = [
  '/',
  '/a?b',
  '*',
  'http://a/b',
  'https://u@a?x',
  '/%2e%2e/',
  'a',
  '//',
  '/\x7f',
  '/"',
  'http:///',
  '/#',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/1.2',
];
const NAMES =
  'Host Content-Length Transfer-Encoding Connection Expect Upgrade Keep-Alive TE Trailer X-A Cookie Accept hOST content-length X-B5678 Aaaa Bbbbbb Ccccccc Dddddddddd Eeeeeeeeeeeeee Fffffffffffffffff'.split(
    ' ',
  );
const VALUES = [
  '',
  'a',
  'a:1',
  '0',
  '3',
  '003',
  '+3',
  '3, 3',
  '0x3',
  'chunked',
  'Chunked',
  'gzip, chunked',
  'chunked, chunked',
  'close',
  'Keep-Alive',
  'keep-alive, Upgrade',
  'x, close',
  'closed',
  '100-continue',
  'tea',
  'websocket',
  'timeout=5',
  '\xe4\xff',
  'a b',
  'x'.repeat(300),
  '999999999999999',
  '9999999999999999',
  '[::1]:8080',
  'a/b',
  '\ta\t',
];
const BYTES = [
  '\0',
  '\t',
  '\n',
  '\v',
  '\r',
  ' ',
  ':',
  ',',
  '0',
  ';',
  '"',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  '\r\n',
  '\r\n ',
  '\n\n',
  ': ',
  ' :',
  'HTTP/1.1',
];

export function pick<T>(random: Random, from: readonly T[]): T {
  const item = from[Math.floor(random() * from.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

function fieldLines(random: Random, isRequest: boolean): string[] {
  const lines = isRequest && random() < 0.9 ? ['Host: a'] : [];
  for (let count = Math.floor(random() * 5); count > 0; count--) {
    const name =
      random() < 0.3
        ? pick(random, ['Content-Length', 'Transfer-Encoding', 'Connection'])
        : pick(random, NAMES);
    lines.push(
      `${name}:${pick(random, ['', ' ', ' ', ' ', '  ', '\t'])}${pick(random, VALUES)}${random() < 0.1 ? ' ' : ''}`,
    );
  }
  return lines;
}

/** A request head, valid more often than not. */
export function makeRequestHead(random: Random): string {
  const first =
    random() < 0.7
      ? 'POST /a HTTP/1.1'
      : `${pick(random, METHODS)} ${pick(random, TARGETS)} ${pick(random, VERSIONS)}`;
  return `${[first, ...fieldLines(random, true)].join('\r\n')}\r\n\r\n`;
}

/** A response head, valid more often than not. */
export function makeResponseHead(random: Random): string {
  const statuses = [
    '200 OK',
    '200',
    '200 ',
    '204 No',
    '304 X',
    '099 X',
    '999 \xe4',
    '20 X',
    '2000',
    '1xx A',
    '101 S',
    '404 Not  Found',
  ];
  const first = random() < 0.7 ? 'HTTP/1.1 200 OK' : `${pick(random, VERSIONS)} ${pick(random, statuses)}`;
  return `${[first, ...fieldLines(random, false)].join('\r\n')}\r\n\r\n`;
}

/** Changes a few places: bytes put in, taken out, replaced, or a stretch doubled. */
export function mutate(random: Random, text: string): string {
  let changed = text;
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * changed.length);
    const until = Math.min(changed.length, at + 1 + Math.floor(random() * (random() < 0.2 ? 40 : 2)));
    const bytes = random() < 0.8 ? pick(random, BYTES) : String.fromCharCode(Math.floor(random() * 256));
    const kind = random();
    if (kind < 0.4) changed = changed.slice(0, at) + bytes + changed.slice(at);
    else if (kind < 0.65) changed = changed.slice(0, at) + bytes + changed.slice(at + bytes.length);
    else if (kind < 0.9) changed = changed.slice(0, at) + changed.slice(until);
    else changed = changed.slice(0, until) + changed.slice(at);
  }
  return changed;
}
