import type { CertifiedPlace } from './certified-gateway.ts';
import { describeAsyncCalls } from './describe-async.ts';
import { describeDeployments } from './describe-deploy.ts';
import { describeCalls } from './describe-invoke.ts';
import { describeScaling } from './describe-scaling.ts';
import { describeSecrets } from './describe-secrets.ts';

/** What OpenFaaS's own certifier looks at. @param open called once for each suite */
export function describeConformance(open: () => CertifiedPlace): void {
  describeDeployments(open());
  describeSecrets(open());
  describeCalls(open());
  describeScaling(open());
  describeAsyncCalls(open());
}
