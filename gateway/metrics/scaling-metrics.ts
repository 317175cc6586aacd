import { Counter, Gauge, type Registry } from 'prom-client';
import { type FunctionRef, qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';
import type { ScalingCause } from '../functions/scaling-cause.ts';
import { type Family, familyText, labelText } from './family-text.ts';
import { readScalingSettings, type ScalingSettings } from './scaling-settings.ts';

/** A change of a replica count that the cluster has accepted. */
export interface Scaling {
  readonly ref: FunctionRef;
  readonly from: number;
  readonly to: number;
  readonly cause: ScalingCause;
}

/** `unchanged`: it asked for what was there. `ignored`: not ours to apply: unknown function, a type of its own, stale or told before. */
export type AlertResult = 'applied' | 'unchanged' | 'ignored' | 'failed';

/** One alert of a notification, and what became of it. */
export interface HandledAlert {
  readonly status: 'firing' | 'resolved';
  readonly result: AlertResult;
}

/** What the scaler has measured of one function. */
export interface ScalingLoad {
  /** As `com.openfaas.scale.type` has it. */
  readonly scalingType: string;
  /** In the type's unit: calls a second, calls in flight, milli-CPU. */
  readonly load: number;
}

type Labels = Readonly<Record<string, string>>;

/** Who scales. */
export interface GatewaysView {
  /** `leads`: this one. */
  readonly role: string;
  /** How many there are. */
  readonly count: number;
}

interface Known {
  readonly labels: Labels;
  /** `function_name` alone, as the page has it. */
  readonly named: string;
  desired: number;
  ready: number;
  readonly settings: ScalingSettings | undefined;
  /** Where another minimum holds than the label's. */
  minimum?: number;
  load?: ScalingLoad;
}

/** What there is to tell of scaling: each function's bounds and load, what was changed and why, who scales. */
export class ScalingMetrics {
  readonly #defaultTarget: number;
  readonly #functions = new Map<string, Known>();
  readonly #scalings: Counter<'function_name' | 'direction' | 'cause'>;
  /** The causes of each function that were told of: its series. */
  readonly #causes = new Map<string, Set<ScalingCause>>();
  readonly #alerts: Counter<'status' | 'result'>;
  #gateways: GatewaysView = { role: 'leads', count: 1 };

  /** @param defaultTarget load of one replica of functions that say a type and no target */
  constructor(registry: Registry, defaultTarget: number) {
    this.#defaultTarget = defaultTarget;
    const registers = [registry];
    this.#scalings = new Counter({
      name: 'gateway_scalings_total',
      help: 'Changes of replica counts that this gateway has made.',
      labelNames: ['function_name', 'direction', 'cause'],
      registers,
    });
    this.#alerts = new Counter({
      name: 'gateway_alerts_total',
      help: 'Alerts for functions that this gateway was sent.',
      labelNames: ['status', 'result'],
      registers,
    });
    for (const status of ['firing', 'resolved'])
      for (const result of ['applied', 'unchanged', 'ignored', 'failed'])
        this.#alerts.inc({ status, result }, 0);
    const gateways = (): GatewaysView => this.#gateways;
    new Gauge({
      name: 'gateway_scaling_leader',
      help: 'Whether this gateway is the one that scales: 1 or 0.',
      registers,
      collect() {
        this.set(gateways().role === 'leads' ? 1 : 0);
      },
    });
    new Gauge({
      name: 'gateway_scaling_gateways',
      help: 'Gateways of this cluster that this one knows of, itself included.',
      registers,
      collect() {
        this.set(gateways().count);
      },
    });
  }

  /** Where the role and number of gateways are read whenever the page is asked for. */
  watchGateways(gateways: GatewaysView): void {
    this.#gateways = gateways;
  }

  /** What the scaler has measured last; undefined: it measures nothing of this function any more. Cheap: for each tick. */
  load(functionName: string, load: ScalingLoad | undefined): void {
    const known = this.#functions.get(functionName);
    if (known === undefined) return;
    if (load === undefined) delete known.load;
    else known.load = load;
  }

  /** The fewest replicas that a schedule asks for now; undefined: it asks for nothing, and the label holds. */
  minimum(functionName: string, minimum: number | undefined): void {
    const known = this.#functions.get(functionName);
    if (known === undefined) return;
    if (minimum === undefined) delete known.minimum;
    else known.minimum = minimum;
  }

  scaled({ ref, from, to, cause }: Scaling): void {
    const functionName = qualifiedName(ref);
    // Of one that was removed meanwhile there is nothing to tell.
    if (from === to || !this.#functions.has(functionName)) return;
    this.#showCause(functionName, cause);
    this.#scalings.inc({ function_name: functionName, direction: to > from ? 'up' : 'down', cause });
  }

  alert({ status, result }: HandledAlert): void {
    this.#alerts.inc({ status, result });
  }

  /** New functions begin at 0 with the cause that is most theirs; removed ones lose their series. */
  sync(snapshots: readonly FunctionSnapshot[]): void {
    const present = new Set<string>();
    for (const { ref, labels, desired, replicas } of snapshots) {
      const key = qualifiedName(ref);
      present.add(key);
      const known = this.#functions.get(key);
      // Read once for each change: a thousand functions are looked at every second.
      const ready = replicas.reduce((count, { isRunning }) => (isRunning ? count + 1 : count), 0);
      if (known !== undefined && isSame(known.labels, labels)) {
        known.desired = desired;
        known.ready = ready;
        continue;
      }
      const settings = readScalingSettings(labels, this.#defaultTarget);
      const named = labelText({ function_name: key });
      const now: Known = { ...known, labels, named, settings, desired, ready };
      // What was measured for another type is not this one's load.
      if (now.load?.scalingType !== settings?.target?.scalingType) delete now.load;
      this.#functions.set(key, now);
      if (settings !== undefined) this.#showCause(key, settings.cause);
    }
    for (const key of this.#functions.keys()) {
      if (present.has(key)) continue;
      this.#functions.delete(key);
      this.#hideCauses(key);
    }
  }

  /** What there is of each function, in Prometheus' text format; the rest is in the registry. */
  text(): string {
    const functions = [...this.#functions.values()];
    const ofEach = OF_EACH.map(({ read, ...family }) =>
      familyText(
        family,
        functions.flatMap((known) => {
          const value = read(known);
          return value === undefined ? [] : [[known.named, value] as const];
        }),
      ),
    );
    const ofTyped = OF_TYPED.map(({ read, ...family }) =>
      familyText(
        family,
        functions.flatMap((known) => {
          const { scalingType: scaling_type, load } = read(known) ?? {};
          if (scaling_type === undefined || load === undefined) return [];
          return [[`${known.named},${labelText({ scaling_type })}`, load] as const];
        }),
      ),
    );
    return [...ofEach, ...ofTyped].join('');
  }

  /** Both directions begin at 0, so that the first change counts as an increase. */
  #showCause(functionName: string, cause: ScalingCause): void {
    const shown = this.#causes.get(functionName) ?? new Set();
    if (shown.has(cause)) return;
    this.#causes.set(functionName, shown.add(cause));
    for (const direction of ['up', 'down'])
      this.#scalings.inc({ function_name: functionName, direction, cause }, 0);
  }

  #hideCauses(functionName: string): void {
    for (const cause of this.#causes.get(functionName) ?? [])
      for (const direction of ['up', 'down'])
        this.#scalings.remove({ function_name: functionName, direction, cause });
    this.#causes.delete(functionName);
  }
}

/** What is told of each function, by how it is read. */
const OF_EACH: readonly (Family & { readonly read: (known: Known) => number | undefined })[] = [
  {
    name: 'gateway_service_count',
    type: 'gauge',
    help: 'Desired replicas.',
    read: ({ desired }) => desired,
  },
  {
    name: 'gateway_service_ready_count',
    type: 'gauge',
    help: 'Replicas that take calls.',
    read: ({ ready }) => ready,
  },
  {
    name: 'gateway_service_min',
    type: 'gauge',
    help: 'Fewest replicas while awake, as it holds now.',
    read: ({ minimum, settings }) => minimum ?? settings?.min,
  },
  {
    name: 'gateway_service_max',
    type: 'gauge',
    help: 'Most replicas that scaling may ask for.',
    read: ({ settings }) => settings?.max,
  },
];

/** The same of functions that scale by target. */
const OF_TYPED: readonly (Family & {
  readonly read: (known: Known) => ScalingLoad | undefined;
})[] = [
  {
    name: 'gateway_service_target_load',
    type: 'gauge',
    help: 'Load of one replica that scaling by target aims at.',
    read: ({ settings }) => settings?.target,
  },
  {
    name: 'gateway_scaling_load',
    type: 'gauge',
    help: 'Load of a function, over all gateways and replicas, as the scaler measured it last.',
    read: ({ load }) => load,
  },
];

function isSame(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
