// The gateway's data plane as it runs in production, with one function whose replica is on this machine.

import { createDataPlane } from '../../gateway/data-plane/data-plane.ts';
import { InvocationCounters } from '../../gateway/metrics/invocation-counters.ts';
import { listen } from '../../http1/listener.ts';
import { createPool } from '../../http1/pool.ts';

const snapshot = {
  ref: { name: 'echo', namespace: 'openfaas-fn' },
  labels: {},
  annotations: {},
  envVars: JSON.parse(process.env['function_env'] ?? '{}') as Record<string, string>,
  desired: 1,
  replicas: [{ id: 'r1', address: '127.0.0.1', isRunning: true }],
  createdAt: new Date().toISOString(),
};

const counters = new InvocationCounters();
const dataPlane = createDataPlane({
  pool: createPool(),
  recorder: counters,
  onRecord: () => {},
  onTableHealth: () => {},
  snapshot: async () => [snapshot],
  look: async () => snapshot,
  scaleUp: async () => {},
  controlSocket: '/nonexistent',
  functionPort: Number(process.env['upstream_port']),
  defaultNamespace: 'openfaas-fn',
  upstreamTimeoutMs: 60_000,
  maxInflight: 0,
  coldStart: { capacity: 1000, timeoutMs: 10_000, scaleFromZero: true },
  rollouts: { timeoutMs: 60_000, revert: async () => {} },
  version: 'bench',
});
await dataPlane.start();
listen({ hostname: '127.0.0.1', port: Number(process.env['port']), onExchange: dataPlane.onExchange });
