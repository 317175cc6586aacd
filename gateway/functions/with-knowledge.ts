import { deployedRef, type FunctionRef } from '../../contract/function-ref.ts';
import type { FunctionDeployment, Rollout } from '../../contract/function-types.ts';
import type { Provider } from './provider.ts';

/** What the table of functions knows, for the cluster to be asked less and for what it cannot tell. */
export interface TableKnowledge {
  /** Undefined: the cluster was not read yet. */
  isThere(ref: FunctionRef): boolean | undefined;
  /** How replicas answer; undefined: nothing to add to what the cluster says. */
  rolloutOf(ref: FunctionRef): Rollout | undefined;
  /** Id of the recent deployment of which a replica has answered; empty: of none. */
  provenId(ref: FunctionRef): string;
}

/** The same provider, told what the table knows, and telling it. */
export function withKnowledge(
  provider: Provider,
  knowledge: TableKnowledge,
  defaultNamespace: string,
): Provider {
  const refOf = (deployment: FunctionDeployment): FunctionRef => deployedRef(deployment, defaultNamespace);
  return {
    ...provider,
    read: async (ref) => {
      const status = await provider.read(ref);
      const rollout = combine(status.rollout, knowledge.rolloutOf(ref));
      return rollout === undefined ? status : { ...status, rollout };
    },
    create: (deployment) => provider.create(deployment, { isThere: knowledge.isThere(refOf(deployment)) }),
    update: (deployment) => provider.update(deployment, { provenId: knowledge.provenId(refOf(deployment)) }),
    scale: (ref, desired) => provider.scale(ref, desired, { provenId: knowledge.provenId(ref) }),
  };
}

/** The cluster's word, but done is what has answered; and one that never answers has failed though it runs. */
function combine(cluster: Rollout | undefined, replicas: Rollout | undefined): Rollout | undefined {
  if (replicas === undefined || cluster?.state === 'failed') return cluster;
  if (replicas.state === 'failed' || cluster === undefined) return replicas;
  return cluster.state === 'running' ? cluster : replicas;
}
