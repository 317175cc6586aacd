// A scratch measurement: how much of an upstream's throughput is left behind the relay. Not part of `npm run bench`.
// Usage: bun bench/relay-probe.ts [connections…] (needs wrk). Prints requests per second, direct and relayed, and their ratio.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { listen } from '../http1/listener.ts';
import { createPool } from '../http1/pool.ts';
import { relay } from '../http1/relay.ts';

const role = process.env['PROBE_ROLE'];

if (role === 'upstream') {
  // PROBE_UPSTREAM=listen measures against our own listener, as the gateway's bench does; Bun.serve is the faster one.
  const hostname = '127.0.0.1';
  const answer = { status: 200, headers: ['Content-Type', 'text/plain'] };
  const server =
    process.env['PROBE_UPSTREAM'] === 'listen'
      ? listen({ hostname, onExchange: (exchange) => exchange.respond(answer, 'hello\n') })
      : Bun.serve({ hostname, port: 0, fetch: () => new Response('hello\n') });
  console.log(server.port);
} else if (role === 'relay') {
  const pool = createPool();
  const address = { hostname: '127.0.0.1', port: Number(process.env['UPSTREAM_PORT']) };
  const listener = listen({
    hostname: '127.0.0.1',
    port: 0,
    onExchange: async (exchange) => {
      const addRequestHeaders = [
        'X-Call-Id',
        '6a0f2d6e-8f0e-4cc1-8f0e-2d6e8f0e4cc1',
        'X-Start-Time',
        '1700000000000000000',
      ];
      const outcome = await relay(exchange, {
        pool,
        address,
        target: exchange.request.target,
        addRequestHeaders,
      });
      if (outcome.kind !== 'completed') console.error(outcome);
    },
  });
  console.log(listener.port);
} else await measure();

async function start(env: Record<string, string>): Promise<{ port: string; stop: () => void }> {
  const child = spawn(process.execPath, [import.meta.path], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { port: String(line).trim(), stop: () => child.kill() };
}

async function rate(port: string, connections: string): Promise<{ rate: number; text: string }> {
  const script = process.env['WRK_SCRIPT'];
  const args = ['-t1', `-c${connections}`, '-d3s', '--latency', ...(script ? ['-s', script] : [])];
  const child = spawn('wrk', [...args, `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  await once(child, 'close');
  const errors = /Non-2xx.*|Socket errors.*/.exec(text)?.[0] ?? '';
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    text: `p99 ${/99%\s+([\d.]+\w+)/.exec(text)?.[1]} ${errors}`,
  };
}

async function measure(): Promise<void> {
  const upstream = await start({ PROBE_ROLE: 'upstream' });
  const relaying = await start({ PROBE_ROLE: 'relay', UPSTREAM_PORT: upstream.port });
  try {
    await rate(relaying.port, '16');
    for (const connections of process.argv.length > 2 ? process.argv.slice(2) : ['32', '256', '512']) {
      const direct = await rate(upstream.port, connections);
      const relayed = await rate(relaying.port, connections);
      const ratio = (relayed.rate / direct.rate).toFixed(3);
      console.log(
        `${connections}: direct ${direct.rate}, relayed ${relayed.rate} (${relayed.text}), ratio ${ratio}`,
      );
    }
  } finally {
    relaying.stop();
    upstream.stop();
  }
}
