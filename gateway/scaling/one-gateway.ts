import type { Gateways, ScalingRole, SharedAlerts } from './gateways.ts';
import { SummedLoads } from './summed-loads.ts';

/** No other gateway is known of: this one scales, on what it sees itself. */
export function oneGateway(): Gateways & SharedAlerts {
  const loads = new SummedLoads({ expiresMs: 0, forgottenMs: 0 });
  let role: ScalingRole = 'leads';
  const resign = async (): Promise<void> => {
    role = 'follows';
  };
  return {
    get role() {
      return role;
    },
    count: 1,
    exchange: (own) => {
      loads.tellOwn(own);
      return loads.take(0);
    },
    share: () => undefined,
    onShared: () => undefined,
    resign,
    stop: resign,
  };
}
