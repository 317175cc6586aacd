import { describeConformance } from './describe-conformance.ts';
import { SWARM } from './swarm-place.ts';

describeConformance(() => SWARM);
