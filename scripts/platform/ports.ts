import { createServer } from 'node:net';
import { Problem } from '../shell/problem.ts';
import { runCommand } from '../shell/run-command.ts';

/** A port of this machine that a service of the stack publishes. */
export interface PublishedPort {
  readonly service: string;
  readonly port: number;
  /** The environment variable that moves it. */
  readonly variable: string;
}

/** The ports of `stack.yml`, as the environment has them. @throws {Problem} for one that is none */
export function publishedPorts(environment: Readonly<Record<string, string | undefined>>): PublishedPort[] {
  const defaults = [
    ['gateway', 8080, 'SKEP_GATEWAY_PORT'],
    ['prometheus', 9090, 'SKEP_PROMETHEUS_PORT'],
    ['grafana', 3000, 'SKEP_GRAFANA_PORT'],
  ] as const;
  return defaults.map(([service, fallback, variable]) => {
    const text = environment[variable] || String(fallback);
    const port = Number(text);
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
      throw new Problem(
        `${variable}=${text} is no port`,
        `Set ${variable} to a number from 1 to 65535, or unset it.`,
      );
    }
    return { service, port, variable };
  });
}

/**
 * Checks that each port is free.
 * @throws {Problem} that names every port somebody else holds, and who, as far as this user may see
 */
export async function checkPorts(ports: readonly PublishedPort[]): Promise<void> {
  const problems: string[] = [];
  for (const { service, port, variable } of ports) {
    if (await isFree(port)) continue;
    problems.push(
      `port ${port}, which ${service} needs, is in use${await holderOf(port)} (or set ${variable} to another)`,
    );
  }
  if (problems.length > 0) {
    throw new Problem(
      problems.join('\n'),
      'Stop what holds it, or choose another port, then run this again.',
    );
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function holderOf(port: number): Promise<string> {
  const { stdout } = await runCommand(['ss', '-Hltnp', `sport = :${port}`]);
  const holder = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout);
  return holder === null ? '' : ` by ${holder[1]} (process ${holder[2]})`;
}
