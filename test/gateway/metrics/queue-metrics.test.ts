import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { QueueMetrics } from '../../../gateway/metrics/queue-metrics.ts';
import { parseMetrics } from '../../support/metrics-text.ts';

const NOW = 1_000_000;
const KEY = 'a.openfaas-fn';
const VIEW = {
  backlogs: [
    { function: KEY, queue: 'faas-request', waiting: 3, running: 2, waitingSince: NOW - 4500 },
    { function: 'b.dev', queue: 'slow', waiting: 0, running: 0 },
    { function: 'c.dev', queue: 'slow', waiting: 1, running: 0 },
  ],
  later: 7,
  callbacks: new Map([['faas-request', 1]]),
  dead: new Map([[KEY, 4]]),
};
const documented = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');

describe('metrics of the queue', () => {
  it('tell what waits, runs, comes later and was given up', () => {
    const metrics = new QueueMetrics();
    metrics.show(VIEW);
    const text = metrics.text(new Set([KEY, 'b.dev']), NOW);
    const a = `{queue_name="faas-request",function_name="${KEY}"}`;
    for (const line of [
      `gateway_async_waiting${a} 3`,
      `gateway_async_running${a} 2`,
      `gateway_async_oldest_waiting_seconds${a} 4.5`,
      'gateway_async_oldest_waiting_seconds{queue_name="slow",function_name="b.dev"} 0',
      'gateway_async_later{} 7',
      'gateway_async_callbacks{queue_name="faas-request"} 1',
      `gateway_async_dead_letters{function_name="${KEY}"} 4`,
    ])
      expect(text.split('\n')).to.include(line);
    // Not known yet: that is not 0.
    expect(text).to.not.match(/oldest_waiting_seconds{.*c\.dev/);
  });

  it('show what a removed function still has in the queue, and then nothing any more', () => {
    const metrics = new QueueMetrics();
    metrics.show(VIEW);
    const text = metrics.text(new Set(), NOW);
    expect(text).to.contain(`function_name="${KEY}"`).and.to.not.contain('b.dev');
  });

  it('have the labels that docs/metrics.md tells of', () => {
    const metrics = new QueueMetrics();
    metrics.show(VIEW);
    metrics.tick(KEY, 'accepted');
    const families = [...parseMetrics(metrics.text(new Set([KEY]), NOW))];
    expect(families).to.have.length(7);
    for (const [name, { labels = [] }] of families) {
      const row = documented.split('\n').find((line) => line.startsWith(`| \`${name}\``));
      const told = [...(row?.split('|')[3] ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label);
      expect([...labels].sort(), name).to.deep.equal(told.sort());
    }
  });

  it('say nothing of a queue that nobody can read', () => {
    const metrics = new QueueMetrics();
    metrics.show(VIEW);
    metrics.show(undefined);
    expect(metrics.text(new Set([KEY]), NOW)).to.not.match(/^gateway/m);
  });

  it('count the ticks of each schedule, every result from 0, as long as the function is there', () => {
    const metrics = new QueueMetrics();
    metrics.tick(KEY, 'accepted');
    metrics.tick(KEY, 'accepted');
    metrics.tick(KEY, 'missed');
    const line = (result: string, count: number) =>
      `gateway_schedule_ticks_total{function_name="${KEY}",result="${result}"} ${count}`;
    const lines = metrics.text(new Set([KEY])).split('\n');
    expect(lines).to.include.members([line('accepted', 2), line('missed', 1), line('failed', 0)]);
    expect(metrics.text(new Set())).to.not.contain(KEY);
  });
});
