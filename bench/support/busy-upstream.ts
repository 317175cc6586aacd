// A function that serves `slots` calls at a time, each for `busy_ms`; others wait until it is their turn.
import { listen } from '../../http1/listener.ts';
import type { Exchange } from '../../http1/types.ts';

const slots = Number(process.env['slots']);
const busyMs = Number(process.env['busy_ms']);
const waiting: Exchange[] = [];
let busy = 0;

function serve(exchange: Exchange): void {
  busy++;
  setTimeout(() => {
    exchange.respond({ status: 200, headers: ['Content-Type', 'text/plain'] }, 'done\n');
    busy--;
    const next = waiting.shift();
    if (next !== undefined) serve(next);
  }, busyMs);
}

listen({
  hostname: '127.0.0.1',
  port: Number(process.env['port']),
  onExchange: (exchange) => {
    if (exchange.request.target === '/_/health') exchange.respond({ status: 200, headers: [] }, 'OK');
    else if (busy < slots) serve(exchange);
    else waiting.push(exchange);
  },
});
