import { randomBytes } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { type FileHandle, readdir } from 'node:fs/promises';
import type { ResponseHead } from '../../http1/types.ts';
import { answer, type Call, type CallHandler } from '../call.ts';
import { splitTarget } from '../cgi-env.ts';
import { log } from '../log.ts';
import { sniffContentType } from '../sniff-content-type.ts';
import { checkConditions, rangeCounts, type Validators } from '../static/conditions.ts';
import { type Found, findFile, segmentsOf } from '../static/find-file.ts';
import { listingPage, relativeUrl } from '../static/listing.ts';
import { type ByteRange, parseRanges } from '../static/ranges.ts';
import { lengthOf, type Part, sendParts } from '../static/send-parts.ts';
import type { ModeOptions } from './mode.ts';

const INDEX = 'index.html';
const SNIFFED_BYTES = 512;
/** An end that can only name a folder: nothing, or dots, written out or escaped. */
const FOLDER_END = /\/(?:\.|%2e){0,2}$/i;

type OpenFile = Extract<Found, { kind: 'file' }>;

/** of-watchdog's `static`: the files below `static_path`, and nothing else. @throws {Error} when there is no such folder */
export function staticHandler({ config: { staticPath } }: Pick<ModeOptions, 'config'>): CallHandler {
  const root = folderAt(staticPath);
  log(`Serving files at: ${staticPath}`);
  return (call) => {
    serve(call, root).catch((error: Error) => {
      log(`${call.exchange.request.method} ${call.exchange.request.target}: ${error.message}`);
      say(call, 500, '500 Internal Server Error');
    });
  };
}

function folderAt(path: string): string {
  try {
    const root = realpathSync(path);
    if (statSync(root).isDirectory()) return root;
  } catch (cause) {
    throw new Error(`static_path=${path}: ${(cause as Error).message}`, { cause });
  }
  throw new Error(`static_path=${path}: not a folder`);
}

async function serve(call: Call, root: string): Promise<void> {
  const { path, query } = splitTarget(call.exchange.request.target);
  let segments: string[] | undefined;
  try {
    segments = segmentsOf(path);
  } catch (error) {
    say(call, 400, `400 Bad Request: ${(error as Error).message}`);
    return;
  }
  if (segments === undefined) {
    say(call, 404, '404 page not found');
    return;
  }
  if (path.endsWith(`/${INDEX}`)) {
    redirect(call, './', query);
    return;
  }
  const found = await findFile(root, segments);
  const last = relativeUrl(segments[segments.length - 1] ?? '');
  if (found.kind === 'folder') {
    if (FOLDER_END.test(path)) await serveFolder(call, root, segments);
    else redirect(call, `${last}/`, query);
  } else if (found.kind === 'file' && path.endsWith('/')) {
    await found.handle.close();
    redirect(call, `../${last}`, query);
  } else await serveFound(call, found);
}

async function serveFolder(call: Call, root: string, segments: readonly string[]): Promise<void> {
  const index = await findFile(root, [...segments, INDEX]);
  if (index.kind === 'file' || index.kind === 'forbidden') {
    await serveFound(call, index);
    return;
  }
  const folder = await findFile(root, segments);
  if (folder.kind !== 'folder') {
    await serveFound(call, folder);
    return;
  }
  const page = listingPage(await readdir(folder.path, { withFileTypes: true }));
  answer(call, 200, ['Content-Type', 'text/html; charset=utf-8'], page);
}

async function serveFound(call: Call, found: Found): Promise<void> {
  if (found.kind === 'file') {
    try {
      await serveFile(call, found);
    } finally {
      await found.handle.close();
    }
  } else if (found.kind === 'forbidden') say(call, 403, '403 Forbidden');
  else say(call, 404, '404 page not found');
}

async function serveFile(call: Call, file: OpenFile): Promise<void> {
  const { exchange } = call;
  const header = exchange.header.bind(exchange);
  const { method } = exchange.request;
  const validators = validatorsOf(file);
  const headers = [
    'Last-Modified',
    new Date(validators.modifiedSeconds * 1000).toUTCString(),
    'ETag',
    validators.etag,
  ];
  const decision = checkConditions(validators, method, header);
  if (decision !== 'send') {
    answer(call, decision === 'not_modified' ? 304 : 412, headers, '');
    return;
  }
  const type = await typeOf(file);
  headers.push('Accept-Ranges', 'bytes');
  const asked = method === 'GET' && rangeCounts(validators, header) ? header('range') : undefined;
  const ranges = asked === undefined ? 'whole' : parseRanges(asked, file.size);
  if (ranges === 'unsatisfiable') {
    const text = 'invalid range: the file has no such bytes\n';
    answer(call, 416, ['Content-Range', `bytes */${file.size}`, ...TEXT], text);
    return;
  }
  const { head, parts } = ranges === 'whole' ? whole(file, type) : partial(file, type, ranges);
  const length = String(lengthOf(parts));
  await send(
    call,
    file.handle,
    {
      status: head.status,
      headers: [...headers, ...head.headers, 'Content-Length', length],
    },
    parts,
  );
}

async function send(
  call: Call,
  handle: FileHandle,
  head: ResponseHead,
  parts: readonly Part[],
): Promise<void> {
  call.status = head.status;
  await sendParts(call.exchange, head, { handle, parts });
}

function whole({ size }: OpenFile, type: string): { head: ResponseHead; parts: Part[] } {
  return { head: { status: 200, headers: ['Content-Type', type] }, parts: [{ from: 0, to: size }] };
}

function partial(
  { size }: OpenFile,
  type: string,
  ranges: readonly ByteRange[],
): { head: ResponseHead; parts: Part[] } {
  const place = ({ from, to }: ByteRange): string => `bytes ${from}-${to - 1}/${size}`;
  const [only] = ranges;
  if (only !== undefined && ranges.length === 1) {
    const headers = ['Content-Type', type, 'Content-Range', place(only)];
    return { head: { status: 206, headers }, parts: [only] };
  }
  const boundary = randomBytes(20).toString('hex');
  const parts = ranges.flatMap((range, i): Part[] => [
    `${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Range: ${place(range)}\r\nContent-Type: ${type}\r\n\r\n`,
    range,
  ]);
  return {
    head: { status: 206, headers: ['Content-Type', `multipart/byteranges; boundary=${boundary}`] },
    parts: [...parts, `\r\n--${boundary}--\r\n`],
  };
}

function validatorsOf({ size, modifiedNs }: OpenFile): Validators {
  return {
    etag: `"${modifiedNs.toString(16)}-${size.toString(16)}"`,
    modifiedSeconds: Number(modifiedNs / 1_000_000_000n),
  };
}

/** By its name, or else by its first bytes. */
async function typeOf({ name, handle }: OpenFile): Promise<string> {
  const type = Bun.file(name).type;
  if (type.startsWith('application/json')) return 'application/json';
  if (type.startsWith('text/')) return `${type.split(';')[0]}; charset=utf-8`;
  if (type !== 'application/octet-stream') return type;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
  return sniffContentType(buffer.subarray(0, bytesRead));
}

const TEXT = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff'];

function say(call: Call, status: number, text: string): void {
  answer(call, status, TEXT, `${text}\n`);
}

/** To a place beside this one: it holds behind a gateway's path, too. */
function redirect(call: Call, to: string, query: string): void {
  answer(call, 301, ['Location', query === '' ? to : `${to}?${query}`], '');
}
