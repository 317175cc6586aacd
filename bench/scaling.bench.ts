// Question: how soon does a function get the replicas that its load needs? Measured in the running platform, from the first call of a
// step to the moment at which the engine has accepted the new count: the time of its own service event, so the gateway's decision and
// the engine's answer are both inside. By target (rps, capacity) and by alert, up and back.

import { openPlatform, type Platform, until } from '../test/support/platform.ts';
import { CallsAtRate } from './support/calls-at-rate.ts';
import { median } from './support/load.ts';
import { record } from './support/record.ts';
import { firstScaling } from './support/scalings.ts';

const PROMETHEUS = process.env['SKEP_PROMETHEUS_URL'] ?? 'http://127.0.0.1:9090';
const ROUNDS = 5;

interface Step {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What runs for each call. */
  readonly process: string;
  /** Calls per second before, and from the step on. */
  readonly before: number;
  readonly after: number;
  /** Milliseconds to the decision; undefined: none. */
  readonly budget?: string;
}

const STEPS: readonly Step[] = [
  {
    name: 'rps, from rest to 30 calls/s',
    labels: { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '10' },
    process: 'cat',
    before: 0,
    after: 30,
    budget: '<= 2000',
  },
  {
    name: 'rps, from 40 to 80 calls/s',
    labels: { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '50' },
    process: 'cat',
    before: 40,
    after: 80,
    budget: '<= 2000',
  },
  {
    name: 'rps, from 20 to 40 calls/s',
    labels: { 'com.openfaas.scale.type': 'rps', 'com.openfaas.scale.target': '25' },
    process: 'cat',
    before: 20,
    after: 40,
    budget: '<= 2000',
  },
  {
    name: 'capacity, from rest to 20 calls in flight',
    labels: { 'com.openfaas.scale.type': 'capacity', 'com.openfaas.scale.target': '5' },
    process: 'sleep 1',
    before: 0,
    after: 20,
    budget: '<= 2000',
  },
];

export async function run(): Promise<void> {
  const platform = await openPlatform();
  for (const step of STEPS) {
    const times: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) times.push(await byTarget(platform, step, round));
    record(`scaling by target, ${step.name}, decision p50`, median(times), 'ms', step.budget);
    record(
      `scaling by target, ${step.name}, decision slowest of ${ROUNDS}`,
      Math.max(...times),
      'ms',
      step.budget,
    );
  }
  await byAlert(platform);
}

/** Each round has a function of its own: nothing of an earlier load is in its windows. */
async function byTarget(platform: Platform, step: Step, round: number): Promise<number> {
  const name = `bench-scaling-${step.labels['com.openfaas.scale.type']}-${step.before}-${round}`;
  return await withFunction(platform, { name, step }, async (url) => {
    const calls = new CallsAtRate(url);
    try {
      calls.set(step.before);
      if (step.before > 0) await Bun.sleep(10_000);
      const began = calls.set(step.after);
      const { atMs } = await firstScaling(name, began, ({ from, to }) => to > from, 20_000);
      return atMs - began;
    } finally {
      calls.stop();
    }
  });
}

/** Twice, as a load may come back while Alertmanager still knows of the last one. */
async function byAlert(platform: Platform): Promise<void> {
  const name = 'bench-scaling-alert';
  const labels = { 'com.openfaas.scale.max': '3', 'com.openfaas.scale.factor': '30' };
  await withFunction(platform, { name, step: { labels, process: 'cat' } }, async (url) => {
    const calls = new CallsAtRate(url);
    try {
      for (const which of ['the first time', 'again']) {
        const began = calls.set(20);
        const added = await firstScaling(name, began, ({ from, to }) => to > from, 90_000);
        const firedMs = await firedAt(`${name}.openfaas-fn`);
        const told = (what: string, ms: number, budget?: string): void =>
          record(`scaling by alert, ${which}, ${what}`, ms / 1000, 's', budget);
        told('from the load to the alert', firedMs - began);
        told('from the alert to the first replica asked for', added.atMs - firedMs);
        told('first replica added', added.atMs - began, '<= 20');
        const ended = Date.now();
        calls.set(0);
        const back = await firstScaling(name, ended, ({ to }) => to === 1, 120_000);
        told('back to the minimum', back.atMs - ended, '<= 60');
      }
      record('scaling by alert, calls that failed', calls.failures, 'calls', '<= 0');
    } finally {
      calls.stop();
    }
  });
}

/** When Prometheus found that the alert fires. */
async function firedAt(functionName: string): Promise<number> {
  const response = await fetch(`${PROMETHEUS}/api/v1/alerts`);
  const { data } = (await response.json()) as {
    data: { alerts: { activeAt: string; labels: Record<string, string> }[] };
  };
  const ours = data.alerts.find(
    ({ labels }) =>
      labels['alertname'] === 'APIHighInvocationRate' && labels['function_name'] === functionName,
  );
  if (ours === undefined) throw new Error(`Prometheus has no alert for ${functionName}`);
  return Date.parse(ours.activeAt);
}

async function withFunction<T>(
  platform: Platform,
  { name, step }: { readonly name: string; readonly step: Pick<Step, 'labels' | 'process'> },
  measure: (url: string) => Promise<T>,
): Promise<T> {
  const created = await platform.request('/system/functions', {
    method: 'POST',
    json: {
      service: name,
      image: await platform.exampleImage(),
      envProcess: step.process,
      labels: { 'com.openfaas.scale.max': '4', ...step.labels },
      envVars: { healthcheck_interval: '1s', cgi_response: 'false' },
    },
  });
  if (created.status !== 202)
    throw new Error(`${name} was not deployed: ${created.status} ${await created.text()}`);
  const url = `${platform.url}/function/${name}`;
  try {
    await until('the first replica', async () => {
      const response = await fetch(url, { method: 'POST', body: 'hi' });
      await response.arrayBuffer();
      return response.status === 200;
    });
    return await measure(url);
  } finally {
    await platform.request('/system/functions', { method: 'DELETE', json: { functionName: name } });
  }
}
