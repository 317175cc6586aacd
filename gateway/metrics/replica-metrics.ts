import type { FunctionRef } from '../../contract/function-ref.ts';
import { qualifiedName } from '../../contract/function-ref.ts';
import type { FunctionSnapshot } from '../functions/provider.ts';
import { toUsagePage } from './usage-samples.ts';

/** Where every watchdog has its metrics. */
const METRICS_PORT = 8081;
/** Less than Prometheus waits. */
const TIMEOUT_MS = 3000;
/** For a replica that did not answer in time the last time: a hundred that hang must not take the places of those that answer. */
const IMPATIENT_MS = 250;
/** But it is waited for as long as ever once in so many times: it may be slow, not dead. */
const PATIENT_EVERY = 6;
const BODY_LIMIT_BYTES = 512 * 1024;
/** Replicas asked at a time. The runtime has a limit of its own for the whole process, and the probes need their share of it. */
const MOST_AT_A_TIME = 64;

export interface ReplicaMetricsOptions {
  readonly port?: number;
  readonly timeoutMs?: number;
  /** The same for one that was waited for in vain the last time. Default 250. */
  readonly impatientMs?: number;
  readonly bodyLimitBytes?: number;
  readonly mostAtATime?: number;
}

/** One target of Prometheus' HTTP service discovery. */
export interface ScrapeTarget {
  readonly targets: readonly [string];
  readonly labels: Readonly<Record<string, string>>;
}

/** `unknown`: no such replica. `busy`: too many are asked right now. */
export type ReplicaPage =
  | { readonly kind: 'page'; readonly text: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'busy' };

interface KnownReplica {
  readonly ref: FunctionRef;
  readonly id: string;
  readonly address: string;
}

/**
 * The replicas' own metrics for Prometheus, which is on another network than they are. Only replicas that the cluster
 * told of are ever called, by their id: no caller can name an address.
 */
export class ReplicaMetrics {
  readonly #port: number;
  readonly #timeoutMs: number;
  readonly #impatientMs: number;
  readonly #bodyLimitBytes: number;
  readonly #mostAtATime: number;
  #snapshots: readonly FunctionSnapshot[] | undefined;
  /** Made when it is asked for first: snapshots come more often than scrapes. */
  #replicas: ReadonlyMap<string, KnownReplica> | undefined;
  #asking = 0;
  /** How often in a row replicas have not answered in time. */
  readonly #silent = new Map<string, number>();

  constructor(options: ReplicaMetricsOptions = {}) {
    this.#port = options.port ?? METRICS_PORT;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#impatientMs = options.impatientMs ?? IMPATIENT_MS;
    this.#bodyLimitBytes = options.bodyLimitBytes ?? BODY_LIMIT_BYTES;
    this.#mostAtATime = options.mostAtATime ?? MOST_AT_A_TIME;
  }

  /** Tells what runs now. */
  sync(snapshots: readonly FunctionSnapshot[]): void {
    this.#snapshots = snapshots;
    this.#replicas = undefined;
  }

  /**
   * Every running replica, as targets on this gateway.
   * @param host where the caller reached this gateway, e.g. `gateway:8082`
   * @returns undefined before the cluster was read: an empty list would make Prometheus forget all
   */
  targets(host: string): ScrapeTarget[] | undefined {
    if (this.#snapshots === undefined) return undefined;
    return [...this.#known().values()].map(({ ref, id }) => ({
      targets: [host],
      labels: {
        __metrics_path__: `/replicas/${encodeURIComponent(id)}/metrics`,
        // The replica, not the gateway: whichever gateway answers, the series is the same.
        instance: id,
        function_name: qualifiedName(ref),
        namespace: ref.namespace,
      },
    }));
  }

  /** The known figures of one replica. One that has none to give is an empty page with the reason: images need no watchdog of ours. */
  async page(id: string): Promise<ReplicaPage> {
    const replica = this.#known().get(id);
    if (replica === undefined) return { kind: 'unknown' };
    if (this.#asking >= this.#mostAtATime) return { kind: 'busy' };
    this.#asking++;
    try {
      const text = toUsagePage(await this.#ask(replica), replica.ref);
      return { kind: 'page', text: text === '' ? '# the watchdog tells no usage\n' : text };
    } catch (error) {
      const reason = (error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200);
      return { kind: 'page', text: `# no metrics on port ${this.#port} of this replica: ${reason}\n` };
    } finally {
      this.#asking--;
    }
  }

  #known(): ReadonlyMap<string, KnownReplica> {
    if (this.#replicas !== undefined) return this.#replicas;
    const replicas = new Map(
      (this.#snapshots ?? []).flatMap(({ ref, replicas }) =>
        replicas.flatMap(({ id, address, isRunning }): [string, KnownReplica][] =>
          isRunning && address !== undefined ? [[id, { ref, id, address }]] : [],
        ),
      ),
    );
    for (const id of this.#silent.keys()) if (!replicas.has(id)) this.#silent.delete(id);
    this.#replicas = replicas;
    return replicas;
  }

  async #ask({ id, address }: KnownReplica): Promise<string> {
    const silent = this.#silent.get(id) ?? 0;
    // Each in its own turn, not all that fell silent together.
    const turn = (id.codePointAt(id.length - 1) ?? 0) % PATIENT_EVERY;
    const isPatient = silent === 0 || silent % PATIENT_EVERY === turn;
    const timeoutMs = isPatient ? this.#timeoutMs : Math.min(this.#timeoutMs, this.#impatientMs);
    const limit = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      limit.abort(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      const text = await this.#fetch(address, limit);
      this.#silent.delete(id);
      return text;
    } catch (error) {
      if (isLate) this.#silent.set(id, silent + 1);
      else this.#silent.delete(id);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(address: string, controller: AbortController): Promise<string> {
    try {
      const response = await fetch(`http://${address}:${this.#port}/metrics`, {
        signal: controller.signal,
        // Nothing that a function answers may lead the gateway to another address, or unpack to more than it sent.
        redirect: 'manual',
        headers: { 'user-agent': 'skep-gateway/metrics', 'accept-encoding': 'identity' },
        decompress: false,
        keepalive: false,
      });
      if (response.status !== 200) throw new Error(`answered ${response.status}`);
      return await this.#read(response);
    } finally {
      // Ends what was not read.
      controller.abort();
    }
  }

  async #read(response: Response): Promise<string> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.byteLength;
      if (length > this.#bodyLimitBytes) throw new Error(`more than ${this.#bodyLimitBytes} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  }
}
