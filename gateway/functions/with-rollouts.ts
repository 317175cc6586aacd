import type { FunctionRef } from '../../contract/function-ref.ts';
import type { Rollout } from '../../contract/function-types.ts';
import type { Provider } from './provider.ts';

/** What is known of roll-outs beside the cluster: whether replicas answer. */
export interface ReplicaKnowledge {
  /** Undefined: nothing to add to what the cluster says. */
  rolloutOf(ref: FunctionRef): Rollout | undefined;
  isProven(ref: FunctionRef): boolean | undefined;
}

/** The same provider, told which versions have answered, and telling it. */
export function withRollouts(provider: Provider, knowledge: ReplicaKnowledge): Provider {
  return {
    ...provider,
    read: async (ref) => {
      const status = await provider.read(ref);
      const rollout = combine(status.rollout, knowledge.rolloutOf(ref));
      return rollout === undefined ? status : { ...status, rollout };
    },
    update: (deployment) => {
      const ref = { name: deployment.service, namespace: deployment.namespace ?? '' };
      return provider.update(deployment, { isProven: knowledge.isProven(ref) });
    },
    scale: (ref, desired) => provider.scale(ref, desired, { isProven: knowledge.isProven(ref) }),
  };
}

/** The cluster's word, but done is what has answered; and one that never answers has failed though it runs. */
function combine(cluster: Rollout | undefined, replicas: Rollout | undefined): Rollout | undefined {
  if (replicas === undefined || cluster?.state === 'failed') return cluster;
  if (replicas.state === 'failed' || cluster === undefined) return replicas;
  return cluster.state === 'running' ? cluster : replicas;
}
