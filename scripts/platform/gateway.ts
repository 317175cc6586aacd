import { Problem } from '../shell/problem.ts';
import { STACK } from './stack.ts';

/** The gateway's address as seen from here: this machine, or the one that `DOCKER_HOST` names. */
export function gatewayUrl(environment: Readonly<Record<string, string | undefined>>, port: number): string {
  const host = /^(?:tcp|ssh|https?):\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)/.exec(
    environment['DOCKER_HOST'] ?? '',
  );
  return `http://${host?.[1] ?? '127.0.0.1'}:${port}`;
}

/** Waits until `/healthz` answers 200. @throws {Problem} with the last answer or error */
export async function untilGatewayAnswers(url: string, limitMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  let last = '';
  while (performance.now() < deadlineMs) {
    try {
      const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return;
      last = `${response.status} ${await response.text()}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error); // not listening yet, most likely
    }
    await Bun.sleep(200);
  }
  throw new Problem(
    `${url}/healthz does not answer after ${Math.round(limitMs / 1000)} s: ${last}`,
    `\`docker service logs ${STACK}_gateway\` tells what the gateway says.`,
  );
}
