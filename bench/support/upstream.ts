// A function that costs next to nothing, so that what is measured is the way to it.
import { listen } from '../../http1/listener.ts';

const headers = ['Content-Type', 'text/plain'];
listen({
  hostname: '127.0.0.1',
  port: Number(process.env['port']),
  onExchange: (exchange) => {
    if (exchange.request.contentLength === 0) {
      exchange.respond({ status: 200, headers }, 'hello from the function\n');
      return;
    }
    exchange.readBody({
      write: () => true,
      end: () => exchange.respond({ status: 200, headers }, 'hello from the function\n'),
      abort: () => {},
    });
  },
});
