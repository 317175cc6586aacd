import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * The process's own figures. Not prom-client's whole default set: on Bun its heap statistics walk the heap, 20 ms in
 * which no call is answered, at each scrape.
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process in seconds since 1970.',
    registers,
  }).set(Date.now() / 1000 - process.uptime());
}
