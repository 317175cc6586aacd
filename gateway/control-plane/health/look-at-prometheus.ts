import fetch from 'node-fetch';
import { ownValue, parseObject } from '../../../contract/parse-json.ts';

/**
 * Asks a Prometheus for its version, which it tells once it is ready to answer queries.
 * @param url e.g. `http://prometheus:9090`
 * @returns e.g. `Prometheus 2.42.0`
 * @throws {Error} with the reason
 */
export async function lookAtPrometheus(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${url}/api/v1/status/buildinfo`, { signal, redirect: 'manual' }).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new Error(
        `Prometheus cannot be reached at ${url} (${cause.code ?? cause.message}): is the service prometheus running?`,
        { cause },
      );
    },
  );
  if (response.status === 503) throw new Error(`Prometheus at ${url} is starting: it answers no queries yet`);
  try {
    if (!response.ok) throw new Error(`status ${response.status}`);
    const data = parseObject(ownValue(parseObject(await response.json(), 'the answer'), 'data'), 'data');
    const version = ownValue(data, 'version');
    if (typeof version !== 'string') throw new Error('without a version');
    return `Prometheus ${version}`;
  } catch (cause) {
    throw new Error(
      `what answers at ${url} is no Prometheus (${(cause as Error).message}): see faas_prometheus_host and faas_prometheus_port`,
      { cause },
    );
  }
}
