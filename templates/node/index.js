'use strict';
// Runs function/handler.js for one request. The watchdog gives the request on stdin and in Http_* variables, and reads
// the answer from stdout: a CGI response head (cgi_response=true), an empty line, the body. With prefork=N it is started
// before its request, loads the handler, and waits (docs/prefork.md).

const { closeSync, openSync, readFileSync, writeSync } = require('node:fs');
const { parse: parseForm } = require('node:querystring');

// stdout carries the answer alone: whatever the handler or its packages print goes to stderr, the function's log.
const writeAnswer = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
console.log = console.info = console.debug = console.error;

class Context {
  #status;
  #headers = {};
  #result;
  isDone = false;

  /** Sets the status of the answer; without an argument returns it. */
  status(code) {
    if (code === undefined) return this.#status ?? 200;
    if (!Number.isInteger(code) || code < 200 || code > 599) throw new RangeError(`status ${code} is not a code from 200 to 599`);
    this.#status = code;
    return this;
  }

  /** Adds headers to the answer; without an argument returns them. A list as value is a header sent more than once. */
  headers(map) {
    if (map === undefined) return this.#headers;
    Object.assign(this.#headers, map);
    return this;
  }

  succeed(value) {
    this.#done(value);
  }

  fail(error) {
    this.#status ??= 500;
    this.#done(error instanceof Error ? error.message : (error ?? 'The function failed.'));
  }

  get result() {
    return this.#result;
  }

  #done(value) {
    if (this.isDone) return;
    this.isDone = true;
    this.#result = value;
  }
}

class BadRequest extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function readHeaders(env) {
  const notHeaders = new Set(['Http_Method', 'Http_Query', 'Http_Path', 'Http_ContentLength']);
  const headers = {};
  for (const [key, value] of Object.entries(env)) {
    if (key.startsWith('Http_') && !notHeaders.has(key)) headers[key.slice(5).replaceAll('_', '-').toLowerCase()] = value;
  }
  return headers;
}

/** `100kb`, `2mb` or a number of bytes; unset is no limit. */
function parseSize(text) {
  if (!text) return Infinity;
  const [, amount, unit] = /^(\d+)\s*(b|kb|mb|gb)?$/i.exec(text) ?? [];
  if (amount === undefined) throw new Error(`"${text}" is not a size such as 100kb`);
  return Number(amount) * 1024 ** ['b', 'kb', 'mb', 'gb'].indexOf((unit ?? 'b').toLowerCase());
}

function checkSize(bytes, variable) {
  if (bytes.length > parseSize(process.env[variable])) throw new BadRequest(413, `The body is larger than ${variable} allows.`);
}

function parseBody(bytes, contentType) {
  const type = (contentType || 'text/plain').split(';')[0].trim().toLowerCase();
  const isJson = type === 'application/json' || type.endsWith('+json');
  const isRaw = process.env.RAW_BODY === 'true';
  checkSize(bytes, isJson && !isRaw ? 'MAX_JSON_SIZE' : 'MAX_RAW_SIZE');
  if (isRaw) return bytes;
  if (isJson) {
    if (bytes.length === 0) return {};
    try {
      return JSON.parse(bytes.toString());
    } catch (error) {
      throw new BadRequest(400, `The body is not valid JSON: ${error.message}`);
    }
  }
  if (type === 'application/x-www-form-urlencoded') return { ...parseForm(bytes.toString()) };
  return type.startsWith('text/') ? bytes.toString() : bytes;
}

/** Of the two ways to load a module `require` is by far the quicker; what it cannot read has not begun to run. */
async function loadHandler() {
  let isModule = false;
  try {
    isModule = require('./function/package.json').type === 'module';
  } catch {
    // There is none: handler.js is CommonJS, or shows by its syntax that it is not.
  }
  if (!isModule) {
    try {
      const exported = require('./function/handler.js');
      return checkHandler({ default: exported, handler: exported?.handler });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return checkHandler(await import('./function/handler.js'));
}

function checkHandler(module) {
  const handler = typeof module.default === 'function' ? module.default : (module.default?.default ?? module.handler);
  if (typeof handler !== 'function') throw new TypeError('function/handler.js must export a function (event, context) => answer');
  return handler;
}

function call(handler, event, context) {
  if (handler.length < 3) return handler(event, context);
  return new Promise((resolve, reject) => {
    const returned = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (returned instanceof Promise) returned.catch(reject);
  });
}

/** What JSON.stringify would write `{}` for, or its inner parts: maps and sets, generators, streams, a Response, functions. */
function isNoJson(value) {
  if (typeof value !== 'object') return typeof value === 'function' || typeof value === 'symbol';
  if (Array.isArray(value) || typeof value.toJSON === 'function') return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value || typeof value.arrayBuffer === 'function';
}

function encodeBody(value) {
  if (value === undefined || value === null) return [Buffer.alloc(0), undefined];
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength), 'application/octet-stream'];
  if (value instanceof ArrayBuffer) return [Buffer.from(value), 'application/octet-stream'];
  if (isNoJson(value)) throw new TypeError(`the handler's answer is a ${value.constructor?.name}: text, bytes, objects and lists can be sent`);
  if (typeof value === 'object') return [Buffer.from(JSON.stringify(value)), 'application/json'];
  return [Buffer.from(String(value)), 'text/plain; charset=utf-8'];
}

/** The watchdog frames the answer: these are its own. */
const FRAMING = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-connection']);

function encodeAnswer(status, headers, value) {
  const [body, defaultType] = encodeBody(value);
  const lines = [`Status: ${status}`];
  let hasType = false;
  for (const [name, given] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || lower === 'status') throw new TypeError(`"${name}" is not a header name`);
    if (FRAMING.has(lower)) continue;
    hasType ||= lower === 'content-type';
    for (const text of Array.isArray(given) ? given : [given]) {
      if (/[\0-\x08\x0a-\x1f\x7f]/.test(String(text))) throw new TypeError(`the value of header ${name} has control characters`);
      lines.push(`${name}: ${text}`);
    }
  }
  if (!hasType && defaultType !== undefined) lines.push(`Content-Type: ${defaultType}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

/** Writes the answer and ends the process, whatever timers and connections the handler left open. */
function finish(answer) {
  writeAnswer(answer, () => {
    if (doneFd !== undefined) process.on('exit', sayDone); // the last thing that runs: after this nothing is written any more
    process.exit(0);
  });
}

function sayDone(code) {
  if (code === 0) writeSync(doneFd, 'done\n');
}

function finishFailed(error) {
  if (isWaiting) {
    // It has no request to fail: the watchdog logs this, and tries again later.
    console.error(error);
    process.exit(1);
  }
  if (error instanceof BadRequest) return finish(encodeAnswer(error.status, {}, `${error.message}\n`));
  console.error(error);
  finish(encodeAnswer(500, {}, 'The function failed; its log says why.\n'));
}

let isWaiting = process.env.SKEP_PREFORK === '1';
/** Where a process that was started ahead says that its answer is out: the watchdog need not wait for its end. */
let doneFd;

/** A byte that is no UTF-8 comes as a lone surrogate: the value as `process.env` would show it had the bytes been there from the start. */
function asRead(value) {
  if (value.isWellFormed()) return value;
  const toBytes = (character) => {
    const code = character.charCodeAt(0);
    return character.length === 1 && code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character);
  };
  return Buffer.concat(Array.from(value, toBytes)).toString();
}

/** What every request runs is compiled when it first runs: before there is one is the better time. */
function warmUp() {
  try {
    const body = parseBody(Buffer.from('{}'), 'application/json');
    encodeAnswer(new Context().status(), { ...readHeaders({ Http_A_B: '' }), 'content-type': 'text/plain' }, { body, form: parseForm('a=b') });
  } catch {
    // A limit that is too small for this, or no size at all: for a request to meet.
  }
}

/** Says that it waits, and takes over the environment of the request that it is given. */
function awaitRequest() {
  writeSync(4, '1\n');
  try {
    doneFd = openSync('/proc/self/fd/4', 'w'); // the same pipe, but closed in processes that the handler starts
  } catch {
    // Without /proc the watchdog waits for the end.
  }
  closeSync(4);
  const document = readFileSync(3, 'utf8');
  closeSync(3);
  if (document === '') process.exit(0); // the watchdog has ended
  delete process.env.SKEP_PREFORK;
  for (const [name, value] of Object.entries(JSON.parse(document).environment)) process.env[name] = asRead(value);
  isWaiting = false;
}

async function main() {
  const { env } = process;
  let handler;
  if (isWaiting) {
    handler = await loadHandler();
    warmUp();
    awaitRequest();
  }
  const headers = readHeaders(env);
  const bytes = readFileSync(0);
  const event = {
    body: parseBody(bytes, headers['content-type']),
    headers,
    method: env.Http_Method ?? 'GET',
    query: { ...parseForm(env.Http_Query ?? '') },
    path: env.Http_Path ?? '/',
  };
  const context = new Context();
  handler ??= await loadHandler();
  const returned = await call(handler, event, context);
  if (!context.isDone) context.succeed(returned);
  finish(encodeAnswer(context.status(), context.headers(), context.result));
}

process.on('uncaughtException', finishFailed);
main().catch(finishFailed);
