import { ContractError } from '../../../contract/contract-error.ts';
import { parseCount } from '../../../contract/duration.ts';
import { parseConcurrency, parseRateLimit } from '../../../contract/parse-call-limits.ts';
import { type RateRule, toRateRule } from './rate.ts';
import { functionTimeLimit, type TimeLimit, timeLimitProblem } from './time-limit.ts';

/** The counts are 32-bit numbers. */
const MOST_IN_FLIGHT = 2 ** 30;

/** What holds for the calls of one function. */
export interface CallRules {
  readonly rate: RateRule | undefined;
  /** Calls in flight over all replicas; 0: no limit. */
  readonly concurrency: number;
  /** Calls in flight at one replica; 0: no limit. */
  readonly perReplica: number;
}

/** What the cluster tells of a function that its rules are made of. */
export interface RuleSource {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly envVars: Readonly<Record<string, string>>;
}

export interface ReadRules {
  /** Undefined: nothing limits its calls. */
  readonly rules: CallRules | undefined;
  /** Undefined: the gateway's own holds. */
  readonly timeLimit: TimeLimit | undefined;
  /** Labels and annotations that cannot be read: a deployment with them is refused, `docker service update` is not. They have no effect. */
  readonly problems: readonly string[];
}

/** The gateway's own settings that a function's rules are made with. */
export interface RuleDefaults {
  /** 0: none. */
  readonly upstreamTimeoutMs: number;
  /** Calls in flight at one replica where the function does not say; 0: no limit. */
  readonly replicaMaxInflight: number;
}

/** Reads the rules of a function. Throws nothing. */
export function readCallRules(
  source: RuleSource,
  { upstreamTimeoutMs, replicaMaxInflight }: RuleDefaults,
): ReadRules {
  const problems: string[] = [];
  const read = <T>(parse: () => T | undefined): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const rate = read(() => parseRateLimit(source.labels));
  const concurrency = read(() => parseConcurrency(source.labels)) ?? 0;
  const perReplica = readMaxInflight(source.envVars['max_inflight'], replicaMaxInflight);
  const ofTime = timeLimitProblem(source.annotations);
  if (ofTime !== undefined) problems.push(ofTime);
  const isLimited = rate !== undefined || concurrency > 0 || perReplica > 0;
  return {
    rules: isLimited ? { rate: rate && toRateRule(rate), concurrency, perReplica } : undefined,
    timeLimit: functionTimeLimit(source.annotations, source.envVars, upstreamTimeoutMs),
    problems,
  };
}

/** What its watchdog makes of the variable, which does not start for a value that it cannot read; 0: no limit. */
function readMaxInflight(text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  try {
    return Math.min(parseCount(text), MOST_IN_FLIGHT);
  } catch {
    return fallback;
  }
}
