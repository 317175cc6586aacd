import {
  createDataPlane,
  type DataPlane,
  type DataPlaneOptions,
} from '../../gateway/data-plane/data-plane.ts';
import type { InvocationRecord } from '../../gateway/data-plane/invocation-record.ts';
import type { FunctionSnapshot } from '../../gateway/functions/provider.ts';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';
import type { Listener, ListenLimits, UpstreamPool } from '../../http1/types.ts';

export interface DataPlaneUnderTest {
  readonly port: number;
  readonly listener: Listener;
  readonly pool: UpstreamPool;
  readonly dataPlane: DataPlane;
  /** One for each call that has ended, in that order. */
  readonly records: InvocationRecord[];
  close(): void;
}

export interface UnderTestOptions extends Partial<DataPlaneOptions> {
  /** Where the one replica of the one function, `fn`, listens on 127.0.0.1. */
  readonly functionPort: number;
  readonly limits?: Partial<ListenLimits>;
}

/** The data plane as the gateway composes it, behind a listener on a free port: no cluster, no control plane. */
export async function startDataPlane({
  functionPort,
  limits = {},
  ...options
}: UnderTestOptions): Promise<DataPlaneUnderTest> {
  const pool = createPool();
  const records: InvocationRecord[] = [];
  const snapshot: FunctionSnapshot = {
    ref: { name: 'fn', namespace: 'openfaas-fn' },
    labels: {},
    annotations: {},
    envVars: {},
    desired: 1,
    replicas: [{ id: 'r1', address: '127.0.0.1', isRunning: true }],
    createdAt: '2026-01-01T00:00:00Z',
  };
  const dataPlane = createDataPlane({
    pool,
    recorder: { started: () => {}, completed: () => {} },
    onRecord: (record) => records.push(record),
    snapshot: async () => [snapshot],
    look: async () => snapshot,
    onTableHealth: () => {},
    scaleUp: async () => {},
    controlSocket: '/nonexistent/control.sock',
    functionPort,
    defaultNamespace: 'openfaas-fn',
    upstreamTimeoutMs: 30_000,
    maxInflight: 0,
    coldStart: { capacity: 1000, timeoutMs: 10_000, scaleFromZero: true },
    rollouts: { timeoutMs: 60_000, revert: async () => {} },
    version: 'test',
    ...options,
  });
  await dataPlane.start();
  const listener = listen({ hostname: '127.0.0.1', port: 0, limits, onExchange: dataPlane.onExchange });
  return {
    port: listener.port,
    listener,
    pool,
    dataPlane,
    records,
    close: () => {
      listener.close();
      dataPlane.stop();
      pool.close();
    },
  };
}
