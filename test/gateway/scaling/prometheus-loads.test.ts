import { expect } from 'chai';
import { PrometheusLoads } from '../../../gateway/scaling/prometheus-loads.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

describe('PrometheusLoads', () => {
  const key = 'echo.openfaas-fn';
  let now: number;
  let asked: string[];
  let answer: () => Promise<ReadonlyMap<string, number>>;
  let loads: PrometheusLoads;
  let lines: string[];

  beforeEach(() => {
    now = 1000;
    asked = [];
    answer = async () => new Map([[key, 250]]);
    const quiet = createQuietLogger();
    lines = quiet.lines;
    loads = new PrometheusLoads({
      query: (promql) => {
        asked.push(promql);
        return answer();
      },
      logger: quiet.logger,
      everyMs: 5,
      now: () => now,
    });
  });
  afterEach(() => loads.stop());

  const messages = (): string[] => lines.map((line) => (JSON.parse(line) as { message: string }).message);

  it('asks for nothing while no function scales on it', async () => {
    loads.want(new Set());
    expect(asked).to.deep.equal([]);
    expect(loads.load('cpu', key)).to.equal(undefined);
  });

  it('has the CPU of functions, and what a rule of that name has measured', async () => {
    loads.want(new Set(['cpu', 'queue depth"}']));
    await until('a reading', async () => loads.load('queue depth"}', key) !== undefined);
    expect(loads.load('cpu', key)).to.equal(250);
    expect(loads.load('cpu', 'other.openfaas-fn')).to.equal('missing');
    expect(asked[0]).to.contain('pod_cpu_usage_seconds_total');
    expect(asked[1]).to.equal('job:function_current_load:sum{scaling_type="queue depth\\"}"}');
  });

  it('reads on, and stops when the last function is gone', async () => {
    loads.want(new Set(['cpu']));
    await until('a few readings', async () => asked.length > 2);
    loads.want(new Set());
    expect(loads.load('cpu', key)).to.equal(undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked.length).to.equal(before);
  });

  it('keeps what it knows for a while when Prometheus is away, says so once, and says when it is back', async () => {
    loads.want(new Set(['cpu']));
    await until('a reading', async () => loads.load('cpu', key) === 250);
    answer = () => Promise.reject(new Error('connection refused'));
    await until('the line', async () => lines.length > 0);
    const before = asked.length;
    await until('more attempts', async () => asked.length > before + 2);
    expect(loads.load('cpu', key)).to.equal(250);
    now += 30_000;
    expect(loads.load('cpu', key)).to.equal(undefined);
    answer = async () => new Map([[key, 300]]);
    await until('a new reading', async () => loads.load('cpu', key) === 300);
    await until('the second line', async () => lines.length > 1);
    expect(messages()).to.deep.equal([
      'Prometheus cannot be read: functions that scale on its loads keep their replicas',
      'Prometheus can be read again: functions scale on its loads',
    ]);
    expect(lines[0]).to.contain('connection refused');
  });

  it('takes no second reading while one has no answer, and none after the end', async () => {
    const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, number>>();
    answer = () => promise;
    loads.want(new Set(['cpu']));
    loads.want(new Set(['cpu', 'rule']));
    expect(asked.length).to.equal(1);
    loads.stop();
    resolve(new Map([[key, 1]]));
    await new Promise((done) => setTimeout(done, 20));
    expect(asked.length).to.equal(1);
    expect(lines).to.deep.equal([]);
  });
});
