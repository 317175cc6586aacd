import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { descriptorLimit } from '../../http1/descriptors.ts';
import { heldBytesInAll, limitHeldBytes } from '../../http1/held-bytes.ts';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import type { Listener, UpstreamPool } from '../../http1/types.ts';
import type { GatewayConfig } from '../config.ts';
import type { AsyncOptions } from '../data-plane/async/acceptor.ts';
import type { InvocationRecord } from '../data-plane/invocation-record.ts';
import { openCountsFile } from '../data-plane/limits/shared-counts.ts';
import { createServingPlane, type ServingPlane } from '../data-plane/serving-plane.ts';
import type { TableChanges } from '../data-plane/table-changes.ts';
import type { Logger } from '../log.ts';
import { AcceptCounters } from '../metrics/accept-counters.ts';
import { InvocationCounters } from '../metrics/invocation-counters.ts';
import type { CallIntake } from '../queue/call-queue.ts';
import { CallbackAddresses, parseCallbackAllow } from '../queue/callback-address.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { lastCallAfterMs } from './last-call.ts';
import type { DrainTimes, FromWorker, WorkerTask } from './messages.ts';
import { mostConnections } from './most-connections.ts';
import { OwnFigures } from './own-figures.ts';

const REPORT_MS = 1000;
/** The cluster is read soon after a nudge, however many there are. */
const NUDGE_MS = 100;
/** For the collector to take the last spans, and for the connection to NATS to end. */
const LAST_SPANS_MS = 1000;

/** A worker's way to the control process, which may be this very process. */
export interface ToControl {
  send(message: FromWorker): void;
  /** Resolves when the cluster has accepted a function's first replicas. */
  wake(key: string): Promise<void>;
}

/** Serves clients as a task says. */
export class ServingWorker {
  isDrained = false;
  readonly #channel: ToControl;
  readonly #pool: UpstreamPool;
  readonly #counters = new InvocationCounters();
  readonly #accepts = new AcceptCounters();
  readonly #plane: ServingPlane;
  readonly #listener: Listener;
  readonly #figures = new OwnFigures();
  #tracer: Tracer | undefined;
  #stopIntake: (() => Promise<void>) | undefined;
  readonly #reports: ReturnType<typeof setInterval>;
  #nudging: ReturnType<typeof setTimeout> | undefined;

  /**
   * Listens when it returns.
   * @param intake of a queue in this process; absent: NATS is the queue, where it is configured
   * @throws {Error} when it cannot listen
   */
  constructor(
    task: WorkerTask,
    table: TableChanges,
    { channel, logger, intake }: { channel: ToControl; logger: Logger; intake?: CallIntake | undefined },
  ) {
    this.#channel = channel;
    const { config } = task;
    limitHeldBytes(share(config.bufferLimitBytes, config.gatewayWorkers));
    this.#pool = createPool({
      connectTimeoutMs: config.connectTimeoutMs,
      idleTimeoutMs: config.upstreamIdleTimeoutMs,
    });
    this.#plane = createServingPlane({
      pool: this.#pool,
      recorder: this.#counters,
      ...accessLog(config, logger),
      scaleUp: (entry) => channel.wake(entry.key),
      nudge: () => this.#nudge(),
      onUnreachable: (replica) => channel.send({ kind: 'unreachable', replica }),
      silenceMs: config.replicaSilenceMs,
      controlSocket: task.controlSocket,
      hosts: task.hosts,
      functionPort: task.functionPort,
      defaultNamespace: config.functionNamespace,
      upstreamTimeoutMs: config.upstreamTimeoutMs,
      maxInflight: config.maxInflight,
      replicaMaxInflight: config.replicaMaxInflight,
      counts: openCountsFile(task.countsFile, { workers: config.gatewayWorkers, worker: task.worker - 1 }),
      coldStart: {
        capacity: config.coldStartWaiting,
        capacityPerFunction: share(
          config.coldStartWaitingPerFunction || Math.ceil(config.coldStartWaiting / 2),
          config.gatewayWorkers,
        ),
        timeoutMs: config.coldStartTimeoutMs,
        scaleFromZero: config.scaleFromZero,
      },
      version: task.version,
      async: config.natsHost === '' && intake === undefined ? undefined : this.#asyncOptions(config),
    });
    if (intake !== undefined) this.#plane.takeCalls(intake);
    else if (config.natsHost !== '') void this.#takeCalls(task, logger);
    if (config.otlpEndpoint !== '') void this.#trace(task, logger);
    this.#plane.apply(table);
    this.#listener = listen({
      hostname: task.host,
      port: task.port,
      reusePort: true,
      limits: {
        connections: mostConnections(config.maxConnections, config.gatewayWorkers, descriptorLimit()),
        headBytes: config.maxHeaderBytes,
        headerCount: config.maxHeaderFields,
        headTimeoutMs: config.headTimeoutMs,
        idleTimeoutMs: config.idleTimeoutMs,
        bodyTimeoutMs: config.readTimeoutMs,
        writeTimeoutMs: config.writeTimeoutMs,
      },
      errorHeaders: ['X-OpenFaaS-Internal', 'gateway'],
      onExchange: this.#plane.onExchange,
    });
    this.#reports = setInterval(() => this.report(), REPORT_MS);
  }

  #asyncOptions({
    asyncBodyLimitBytes,
    asyncMaxDelayMs,
    bufferLimitBytes,
    gatewayWorkers,
    callbackAllow,
  }: GatewayConfig): AsyncOptions {
    // Names, and the platform's own networks, are looked at by who posts there.
    const addresses = new CallbackAddresses({ allow: parseCallbackAllow(callbackAllow), ownNetworks: [] });
    return {
      recorder: this.#accepts,
      bodyLimitBytes: asyncBodyLimitBytes,
      storingLimitBytes: share(bufferLimitBytes, gatewayWorkers),
      maxDelayMs: asyncMaxDelayMs,
      isRefusedHost: (host) => addresses.isRefusedLiteral(host),
    };
  }

  /** Loads what takes calls into the queue only where there is one. */
  async #takeCalls({ config, worker }: WorkerTask, logger: Logger): Promise<void> {
    const { openIntake } = await import('../nats/queue/open-intake.ts');
    const { intake, stop } = openIntake({
      host: config.natsHost,
      port: config.natsPort,
      name: `${hostname().slice(0, 64)}, worker ${worker}`,
      cluster: config.clusterName,
      logger,
    });
    this.#stopIntake = stop;
    this.#plane.takeCalls(intake);
  }

  /** Loads what traces only where there is a collector. Calls before that are not traced. */
  async #trace({ config, version, worker }: WorkerTask, logger: Logger): Promise<void> {
    const { Tracer } = await import('../tracing/tracer.ts');
    this.#tracer = new Tracer({
      endpoint: config.otlpEndpoint,
      sample: config.traceSample,
      version,
      worker,
      onHealth: (error) =>
        error === undefined
          ? logger.info('spans are taken again')
          : logger.warn('spans cannot be sent: what does not fit is dropped', { reason: error.message }),
    });
    this.#plane.trace(this.#tracer);
  }

  apply(changes: TableChanges): void {
    this.#plane.apply(changes);
  }

  /** @param id of the question that this answers */
  report(id?: number): void {
    const accepts = this.#accepts.take();
    this.#channel.send({
      kind: 'report',
      ...(accepts !== undefined && { accepts }),
      ...(id !== undefined && { id }),
      deltas: this.#counters.take(),
      figures: {
        ...this.#figures.get(),
        connections: this.#listener.connections,
        upstreamConnections: this.#pool.connections,
        refusedConnections: this.#listener.refusedConnections,
        heldBytes: heldBytesInAll(),
        inFlight: this.#counters.inFlight,
        waiting: this.#plane.waiting,
        ...(this.#tracer !== undefined && { spans: this.#tracer.spans }),
      },
    });
  }

  /** Serves on, then finishes what is in flight. @returns the number of calls that were cut off */
  async drain({ withinMs, servesOnMs }: DrainTimes): Promise<number> {
    // Who still waits for a replica near the end is told so, rather than cut off.
    const lastCall = setTimeout(() => this.#plane.stop(), lastCallAfterMs({ withinMs, servesOnMs }));
    const cutOff = await this.#listener.drain(withinMs, servesOnMs);
    clearTimeout(lastCall);
    clearInterval(this.#reports);
    this.#plane.stop();
    this.#pool.close();
    if (this.#tracer !== undefined) await Promise.race([this.#tracer.exporter.close(), sleep(LAST_SPANS_MS)]);
    await Promise.race([this.#stopIntake?.(), sleep(LAST_SPANS_MS)]);
    this.report();
    this.isDrained = true;
    return cutOff;
  }

  #nudge(): void {
    if (this.#nudging !== undefined) return;
    this.#channel.send({ kind: 'nudge' });
    this.#nudging = setTimeout(() => {
      this.#nudging = undefined;
    }, NUDGE_MS);
  }
}

/** Of what all workers may have, one's part. */
function share(all: number, workers: number): number {
  return Math.ceil(all / workers);
}

/** Which calls leave a line in the log, and what it says. */
function accessLog(
  { accessLog: which, accessLogSample }: GatewayConfig,
  logger: Logger,
): { onRecord: (record: InvocationRecord) => void; wantsRecord: (status: number) => boolean } {
  return {
    wantsRecord: (status) => {
      if (which === 'off') return false;
      return status >= 500 || (which === 'all' && (accessLogSample === 1 || Math.random() < accessLogSample));
    },
    onRecord: ({ key, durationMs, ...rest }) =>
      logger.info('invocation', { function: key, durationMs: Math.round(durationMs * 1000) / 1000, ...rest }),
  };
}
