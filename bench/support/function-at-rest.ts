import { docker } from '../../test/support/cli.ts';
import { type Platform, until } from '../../test/support/platform.ts';

/** A function that can be brought to rest, and called. */
export interface FunctionAtRest {
  /** Resolves when no replica is there and none still stops, for which Swarm would wait before it starts another. */
  toZero(): Promise<void>;
  /** One POST on a connection of its own. */
  call(): Promise<{ readonly ok: boolean; readonly ms: number }>;
}

export function functionAtRest(platform: Platform, name: string): FunctionAtRest {
  return {
    toZero: async () => {
      await platform.request(`/system/scale-function/${name}`, {
        method: 'POST',
        json: { serviceName: name, replicas: 0 },
      });
      await until('the end of the last container', async () => {
        const { stdout } = await docker(
          'ps',
          '-q',
          '--filter',
          `label=com.docker.swarm.service.name=${name}`,
        );
        return stdout.trim() === '';
      });
    },
    call: async () => {
      const begin = process.hrtime.bigint();
      const response = await fetch(`${platform.url}/function/${name}`, {
        method: 'POST',
        body: 'hi',
        keepalive: false,
      });
      await response.arrayBuffer();
      return { ok: response.status === 200, ms: Number(process.hrtime.bigint() - begin) / 1e6 };
    },
  };
}
