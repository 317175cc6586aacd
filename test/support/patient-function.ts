import { expect } from 'chai';
import type { FunctionStatus } from '../../contract/function-types.ts';
import { deployExample, type Platform, removeFunction } from './platform.ts';

/** A function of the running platform that answers its body, after as many seconds as its query says. */
export interface PatientFunction {
  readonly name: string;
  readonly url: string;
  status(): Promise<FunctionStatus>;
  /** Sets the replica count by hand. */
  scale(replicas: number): Promise<void>;
  /** @returns the status, with the text where that is not the body */
  call(options?: { seconds?: number; body?: string }): Promise<string>;
  remove(): Promise<void>;
}

/** Deploys it. @param labels with the prefix `com.openfaas.scale.` where they name none */
export async function deployPatient(
  platform: Platform,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<PatientFunction> {
  const url = `${platform.url}/function/${name}`;
  const named = Object.entries(labels).map(([key, value]) => [
    key.startsWith('com.') ? key : `com.openfaas.scale.${key}`,
    value,
  ]);
  await deployExample(platform, name, {
    // Words end at spaces, quotes or not.
    envProcess: 'sh -c sleep$IFS$Http_Query;cat',
    envVars: { cgi_response: 'false', healthcheck_interval: '1s', exec_timeout: '60s', write_timeout: '60s' },
    labels: Object.fromEntries(named),
  });
  return {
    name,
    url,
    status: async () => {
      const answer = await platform.request(`/system/function/${name}`);
      expect(answer.status).to.equal(200);
      return (await answer.json()) as FunctionStatus;
    },
    scale: async (replicas) => {
      const answer = await platform.request(`/system/scale-function/${name}`, {
        method: 'POST',
        json: { serviceName: name, replicas },
      });
      expect(answer.status, await answer.text()).to.equal(202);
    },
    call: async ({ seconds = 0, body = 'hi' } = {}) => {
      const answer = await fetch(`${url}?${seconds}`, { method: 'POST', body });
      const text = await answer.text();
      return text === body ? String(answer.status) : `${answer.status} ${text}`;
    },
    remove: () => removeFunction(platform, name),
  };
}
