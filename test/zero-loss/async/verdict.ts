// What is to be said of calls that were accepted while everything was killed: by what received them, and only then by what the platform tells.

/** A call that was answered with 202. */
export interface Accepted {
  /** Unique: the begin of its body. */
  readonly token: string;
  readonly id: string;
  readonly kind: string;
  /** `name.namespace`, each of which is to run it. */
  readonly functions: readonly string[];
  readonly isCalledBack: boolean;
}

/** One execution, as the function told of it. */
export interface Run {
  readonly token: string;
  /** `name.namespace` */
  readonly function: string;
  readonly callId: string;
  readonly isWhole: boolean;
  readonly beganAt: number;
  /** Absent: it was killed, or nothing could be told. */
  readonly endedAt?: number;
}

export interface CallbackSeen {
  readonly token: string;
  readonly callId: string;
  readonly status: string;
}

/** Something was not there. */
export interface Interruption {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

export interface Verdict {
  /** `token (kind) function`: accepted, and never run. */
  readonly missing: readonly string[];
  /** Run with another body or another id than it was accepted with. */
  readonly wrong: readonly string[];
  readonly notCalledBack: readonly string[];
  /** Executions after a first one, by what was killed meanwhile. */
  readonly again: ReadonlyMap<string, number>;
  /** Executions after a first one, with nothing killed meanwhile. */
  readonly unexplained: readonly string[];
  /** Executions of calls that nobody was told were accepted: the answer was lost, or the call refused after it was stored. */
  readonly unclaimed: number;
  readonly callbacksAgain: number;
}

/** Longer than it takes from a function's answer until nobody runs the call again, on a busy machine. */
const SLACK_MS = 750;

export function judge(
  accepted: readonly Accepted[],
  runs: readonly Run[],
  callbacks: readonly CallbackSeen[],
  interruptions: readonly Interruption[],
): Verdict {
  const runsOf = Map.groupBy(runs, (run) => `${run.token} ${run.function}`);
  const callbacksOf = Map.groupBy(callbacks, ({ token }) => token);
  const missing: string[] = [];
  const wrong: string[] = [];
  const notCalledBack: string[] = [];
  const again = new Map<string, number>();
  const unexplained: string[] = [];
  const claimed = new Set<string>();
  let callbacksAgain = 0;
  for (const { token, id, kind, functions, isCalledBack } of accepted) {
    for (const name of functions) {
      const key = `${token} ${name}`;
      claimed.add(key);
      const own = runsOf.get(key) ?? [];
      if (own.length === 0) missing.push(`${token} (${kind}) ${name}`);
      for (const run of own) {
        if (!run.isWhole || run.callId !== id)
          wrong.push(`${token} (${kind}) ran as ${run.callId}, not ${id}`);
      }
      for (const [index, former] of own.slice(0, -1).entries()) {
        const because = interruptedBy(former, own[index + 1]?.beganAt ?? former.beganAt, interruptions);
        if (because === undefined) unexplained.push(`${token} (${kind}) ${name}: ${timesOf(own)}`);
        else again.set(because, (again.get(because) ?? 0) + 1);
      }
    }
    const answers = callbacksOf.get(token)?.length ?? 0;
    if (isCalledBack && answers === 0) notCalledBack.push(`${token} (${kind})`);
    callbacksAgain += Math.max(0, answers - 1);
  }
  const unclaimed = runs.filter(({ token, function: name }) => !claimed.has(`${token} ${name}`)).length;
  return { missing, wrong, notCalledBack, again, unexplained, unclaimed, callbacksAgain };
}

/** What was killed while this run had begun and its end was not yet written down. */
function interruptedBy(
  { beganAt, endedAt }: Run,
  nextAt: number,
  interruptions: readonly Interruption[],
): string | undefined {
  const until = (endedAt ?? nextAt) + SLACK_MS;
  return interruptions.find(({ from, to }) => from <= until && to >= beganAt - SLACK_MS)?.what;
}

function timesOf(runs: readonly Run[]): string {
  const first = runs[0]?.beganAt ?? 0;
  return runs.map(({ beganAt, endedAt }) => `${beganAt - first} to ${(endedAt ?? 0) - first} ms`).join(', ');
}
