import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../errors.ts';
import { type GatewayClient, unauthorised } from '../gateway-client.ts';
import type { Shell } from '../shell.ts';
import { callPath } from './calls-api.ts';

/** The gateway is asked anew at least so often. */
const LONGEST_WAIT_MS = 60_000;
/** Beyond its wait, until it counts as away. */
const ANSWER_MS = 15_000;
const RETRY_MS = 1000;
const PAUSE_MS = 100;

/**
 * Waits for the end of an asynchronous call and writes the function's answer to stdout. A gateway that is away meanwhile is waited for.
 * @throws {CliError} when the function answered with another status than 2xx, or nothing did in time
 */
export async function printResult(
  shell: Shell,
  gateway: GatewayClient,
  { id, withinMs }: { readonly id: string; readonly withinMs: number },
): Promise<void> {
  const until = performance.now() + withinMs;
  let isTold = false;
  for (;;) {
    const leftMs = Math.max(0, until - performance.now());
    const waitMs = Math.min(leftMs, LONGEST_WAIT_MS);
    const found = await ask(gateway, id, waitMs);
    if (found.kind === 'result') return print(shell, found.response);
    if (leftMs === 0)
      throw new CliError(`${found.why}\nThe call goes on. Ask for it with: skep calls ${id}`, {
        exitCode: 1,
      });
    if (found.kind === 'away' && !isTold) {
      shell.note(`Waiting for the gateway: ${found.why}`);
      isTold = true;
    }
    // A gateway that stops, or has too much to do, answers sooner than it was asked to.
    await sleep(Math.min(found.kind === 'away' ? RETRY_MS : PAUSE_MS, leftMs));
  }
}

type Response = Awaited<ReturnType<GatewayClient['open']>>;

type Found =
  | { readonly kind: 'result'; readonly response: Response }
  | { readonly kind: 'not ended' | 'away'; readonly why: string };

async function ask(gateway: GatewayClient, id: string, waitMs: number): Promise<Found> {
  const path = `${callPath(id)}/result?wait=${Math.ceil(waitMs)}ms`;
  let response: Response;
  try {
    response = await gateway.open('GET', path, { timeoutMs: waitMs + ANSWER_MS });
  } catch (error) {
    return { kind: 'away', why: (error as Error).message };
  }
  if (response.headers.has('x-skep-call-status')) return { kind: 'result', response };
  const why = (await response.text()).trim();
  if (response.headers.get('x-skep-error') === 'call_not_ended') return { kind: 'not ended', why };
  if (response.status >= 502) return { kind: 'away', why };
  if (response.status === 401) throw unauthorised(gateway.url);
  throw new CliError(`Server returned unexpected status code: ${response.status} - ${why}`);
}

async function print(shell: Shell, response: Response): Promise<void> {
  if (response.ok) {
    if (response.body) for await (const chunk of response.body) await shell.write(chunk as Uint8Array);
    return;
  }
  const state = response.headers.get('x-skep-call-status') ?? '';
  const body = (await response.text()).trim();
  throw new CliError(`The call is ${state}: the function answered ${response.status} - ${body}`);
}
