import type { FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { FaasError } from '../errors.ts';

/**
 * The variables that a deployment sets, those of the platform among them.
 * @throws {FaasError} `invalid_request` that names the variable
 */
export function functionEnv(deployment: FunctionDeployment, ref: FunctionRef): Map<string, string> {
  const env = new Map<string, string>();
  if (deployment.envProcess) env.set('fprocess', deployment.envProcess);
  const own = { OPENFAAS_NAME: ref.name, OPENFAAS_NAMESPACE: ref.namespace };
  for (const [key, value] of Object.entries(deployment.envVars ?? {})) {
    if (key === '' || key.includes('=') || key.includes('\0') || value.includes('\0')) {
      throw new FaasError(
        'invalid_request',
        `envVars: ${JSON.stringify(key)} cannot be an environment variable`,
      );
    }
    if (Object.hasOwn(own, key) && value !== own[key as keyof typeof own]) {
      throw new FaasError('invalid_request', `envVars: ${key} is set by the platform: leave it out`);
    }
    if (key === 'fprocess' && env.has('fprocess')) {
      if (value === deployment.envProcess) continue;
      throw new FaasError(
        'invalid_request',
        'envVars: fprocess differs from envProcess: give one of the two',
      );
    }
    env.set(key, value);
  }
  for (const [key, value] of Object.entries(own)) env.set(key, value);
  return env;
}
