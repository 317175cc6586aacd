'use strict';
// Serves function/handler.js on 127.0.0.1:PORT, where the watchdog relays every request to (mode=http; it chooses the port).

const { createServer } = require('node:http');
const { isPromise } = require('node:util').types;

/** An app of Express or Connect is a listener itself. What else is exported has to be one. */
async function loadListener() {
  const exported = await import('./function/handler.js');
  let listener = exported.default;
  if (listener && typeof listener !== 'function' && 'default' in listener) listener = listener.default;
  if (isPromise(listener)) listener = await listener;
  if (typeof listener !== 'function') {
    throw new TypeError('function/handler.js must export an app, or a function (request, response), as module.exports or by default');
  }
  return listener;
}

function readPort(text) {
  const port = Number(text || 3000);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError(`PORT=${text} is no port`);
  return port;
}

async function main() {
  const port = readPort(process.env.PORT);
  const server = createServer(await loadListener());
  // The watchdog keeps the time; a second clock would only cut off what it allows.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.on('error', fail);
  server.listen(port, '127.0.0.1');
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

// The watchdog, which hears it too, goes on serving for a while, lets what is in flight finish, and ends this process then.
process.on('SIGTERM', () => {});
main().catch(fail);
