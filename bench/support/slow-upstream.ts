// Holds calls of `/slow` until `/release` is called, tells how many by `/waiting`, answers all others at once.
import { listen } from '../../http1/listener.ts';
import type { Exchange } from '../../http1/types.ts';

const held: Exchange[] = [];
const answer = (exchange: Exchange, text: string): void =>
  exchange.respond({ status: 200, headers: ['Content-Type', 'text/plain'] }, text);

listen({
  hostname: '127.0.0.1',
  port: Number(process.env['port']),
  onExchange: (exchange) => {
    switch (exchange.request.target) {
      case '/slow':
        held.push(exchange);
        break;
      case '/waiting':
        answer(exchange, String(held.length));
        break;
      case '/release':
        for (const waiting of held.splice(0)) answer(waiting, 'at last\n');
        answer(exchange, 'released\n');
        break;
      default:
        answer(exchange, 'hello\n');
    }
  },
});
