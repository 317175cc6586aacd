import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { startWatchdog, stopWatchdogs, until } from './start-watchdog.ts';

const post = (
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(url, { method: 'POST', body, headers });

describe('the watchdog, one process per request', () => {
  afterEach(stopWatchdogs);

  it('says how long it keeps an idle connection', async () => {
    const { url } = await startWatchdog({ fprocess: 'cat' });
    expect((await fetch(url)).headers.get('keep-alive')).to.equal('timeout=120');
  });

  it('leaves no file descriptor open, however a process treats its streams', async () => {
    const { url, process: watchdog } = await startWatchdog({
      fprocess: './never-reads-stdin',
      combine_output: 'false',
    });
    const open = (): number => readdirSync(`/proc/${watchdog.pid}/fd`).length;
    const call = async (): Promise<void> => {
      await (await post(url, new Uint8Array(2_000_000), { Connection: 'close' })).arrayBuffer();
      await (await fetch(url, { headers: { Connection: 'close' } })).arrayBuffer();
    };
    await call();
    const before = open();
    for (let i = 0; i < 10; i++) await call();
    await until(() => open() <= before, 'as many descriptors as before');
  });

  it('streams a long answer without holding it in memory', async () => {
    const { url, process: watchdog } = await startWatchdog({ fprocess: './prints-a-lot 300000000' });
    const response = await fetch(url);
    let length = 0;
    for await (const piece of response.body ?? []) length += piece.length;
    expect(length).to.equal(300_000_000);
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${watchdog.pid}/status`, 'utf8'))?.[1];
    expect(Number(peak)).to.be.below(200_000);
  });

  it('breaks off a long answer whose process fails after all', async () => {
    const { url, logged } = await startWatchdog({ fprocess: './prints-a-lot-then-fails' });
    const failure = await fetch(url)
      .then((response) => response.arrayBuffer())
      .then(
        () => undefined,
        (error: Error) => error,
      );
    expect(failure).to.be.instanceOf(Error);
    await logged('answer cut short after 20000000 bytes: exit status 4');
  });

  it('answers 421 to a call that was meant for another function, and runs nothing', async () => {
    const { url, log } = await startWatchdog({
      fprocess: 'cat',
      OPENFAAS_NAME: 'a',
      OPENFAAS_NAMESPACE: 'fn',
    });
    expect((await post(url, 'x', { 'X-Skep-Function': 'b.fn' })).status).to.equal(421);
    expect(log()).not.to.contain('Forking fprocess.');
    expect((await post(url, 'x', { 'X-Skep-Function': 'a.fn' })).status).to.equal(200);
  });

  it('tells what its container uses, under the name of the function, or has no series at all', async () => {
    const { metricsUrl } = await startWatchdog({
      fprocess: 'cat',
      OPENFAAS_NAME: 'a',
      OPENFAAS_NAMESPACE: 'fn',
    });
    const page = await (await fetch(metricsUrl)).text();
    for (const name of ['pod_cpu_usage_seconds_total', 'pod_memory_working_set_bytes']) {
      // Whether there is a figure depends on the machine; without one there is no sample, least of all a zero.
      for (const [sample] of page.matchAll(new RegExp(`^${name}[{ ].*$`, 'gm'))) {
        expect(sample).to.match(/^\w+\{function_name="a\.fn",namespace="fn"\} [0-9.e+]+$/);
        expect(sample).to.not.match(/ 0$/);
      }
      expect(page).to.contain(`# TYPE ${name} `);
    }
  });
});
