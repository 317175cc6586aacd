import { describeAsyncCalls } from './describe-async.ts';
import { describeDeployments } from './describe-deploy.ts';
import { describeCalls } from './describe-invoke.ts';
import { describeScaling } from './describe-scaling.ts';
import { describeSecrets } from './describe-secrets.ts';
import { SWARM } from './swarm-place.ts';

for (const describeWhat of [
  describeDeployments,
  describeSecrets,
  describeCalls,
  describeScaling,
  describeAsyncCalls,
]) {
  describeWhat(SWARM);
}
