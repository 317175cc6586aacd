import type { ServiceSpec } from 'dockerode';
import { FaasError } from '../errors.ts';

/**
 * The managers' raft log takes 1.5 MiB of a service at a time, and a change carries the new spec and the one before it,
 * each of which may hold another to go back to: a quarter of that, less some for what Swarm adds.
 */
const MOST_SPEC_BYTES = 360 * 1024;

/**
 * Refuses a service that could be made but never be changed again.
 * @param aside labels that come and go with a roll-out: the limit has room for them
 * @throws {FaasError} `invalid_request` with the limit
 */
export function checkSpecSize(spec: ServiceSpec, aside: Readonly<Record<string, string>>): ServiceSpec {
  const Labels = Object.entries(spec.Labels ?? {}).filter(([key]) => !Object.hasOwn(aside, key));
  const bytes = Buffer.byteLength(JSON.stringify({ ...spec, Labels }));
  if (bytes > MOST_SPEC_BYTES) {
    throw new FaasError(
      'invalid_request',
      `the deployment makes a service of ${bytes} bytes, in which variables count twice, labels and annotations three times; ` +
        `Swarm keeps at most ${MOST_SPEC_BYTES}: put large values into a secret or the image`,
    );
  }
  return spec;
}
