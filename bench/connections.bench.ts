// Question: does the gateway open more connections than it needs, or leave them behind? 1,000 slow calls in flight, then 100,000 quick ones.
import { Agent, get } from 'node:http';
import { startHop } from './support/hop.ts';
import { load } from './support/load.ts';
import { record } from './support/record.ts';
import { countSockets } from './support/sockets.ts';

const SLOW_CALLS = 1000;
const QUICK_CALLS = 100_000;
const QUICK_CLIENTS = 64;
const LOOK_EVERY_MS = 50;

export async function run(): Promise<void> {
  const hop = await startHop('slow-upstream.ts');
  const { gateway, upstream, upstreamPort } = hop;
  let peak = 0;
  let mostTimeWait = 0;
  const look = setInterval(() => {
    const { to, timeWait } = countSockets(upstreamPort);
    peak = Math.max(peak, to);
    mostTimeWait = Math.max(mostTimeWait, timeWait);
  }, LOOK_EVERY_MS);
  try {
    const agent = new Agent({ keepAlive: true, maxSockets: SLOW_CALLS });
    const slow = Array.from({ length: SLOW_CALLS }, () => call(`${gateway.url}/function/echo/slow`, agent));
    while ((await waiting(upstream.url)) < SLOW_CALLS)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const inFlight = countSockets(upstreamPort).to;
    await fetch(`${upstream.url}/release`);
    const failed = (await Promise.all(slow)).filter((status) => status !== 200).length;
    agent.destroy();
    let quick = 0;
    let quickFailed = 0;
    while (quick < QUICK_CALLS) {
      const seconds = 2;
      const { perSecond, failures } = await load(`${gateway.url}/function/echo`, {
        clients: QUICK_CLIENTS,
        seconds,
      });
      quick += perSecond * seconds;
      quickFailed += failures;
    }
    // One of those counted is ours, which asks the upstream how many wait.
    record('connections, 1,000 slow calls: sockets at the peak', inFlight, 'sockets');
    record('connections / calls in flight, most ever', peak / SLOW_CALLS, 'ratio', '<= 1.001');
    record('connections, TIME_WAIT, most ever', mostTimeWait, 'sockets', '<= 999');
    record('connections, failures', failed + quickFailed, 'requests', '<= 0');
  } finally {
    clearInterval(look);
    await hop.stop();
  }
}

function call(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', () => resolve(0));
  });
}

/** Calls that the upstream holds. */
async function waiting(url: string): Promise<number> {
  return Number(await (await fetch(`${url}/waiting`)).text());
}
