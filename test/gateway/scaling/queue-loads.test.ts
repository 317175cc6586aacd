import { expect } from 'chai';
import { QueueLoads } from '../../../gateway/scaling/queue-loads.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

const KEY = 'a.openfaas-fn';

describe('QueueLoads', () => {
  let answer: () => Promise<ReadonlyMap<string, number>>;
  let reads: number;
  let nowMs: number;
  let lines: string[];
  let loads: QueueLoads;

  beforeEach(() => {
    reads = 0;
    nowMs = 1000;
    answer = async () => new Map([[KEY, 5]]);
    const quiet = createQuietLogger();
    lines = quiet.lines;
    loads = new QueueLoads({
      read: () => {
        reads += 1;
        return answer();
      },
      logger: quiet.logger,
      everyMs: 1,
      now: () => nowMs,
    });
  });
  afterEach(() => loads.stop());

  it('reads nothing as long as no function scales on the queue', async () => {
    loads.want(false);
    await Bun.sleep(5);
    expect([reads, loads.load(KEY)]).to.deep.equal([0, undefined]);
  });

  it('tells of a function that has calls, and of one that has none', async () => {
    loads.want(true);
    await until('a reading', async () => loads.load(KEY) === 5);
    expect(loads.load('other.openfaas-fn')).to.equal(0);
    answer = async () => new Map([[KEY, 7]]);
    await until('a new reading', async () => loads.load(KEY) === 7);
  });

  it('knows nothing any more when the queue is away, says so once, and goes on', async () => {
    loads.want(true);
    await until('a reading', async () => loads.load(KEY) === 5);
    answer = () => Promise.reject(new Error('NATS is away'));
    const before = reads;
    await until('some failures', async () => reads > before + 3);
    expect(loads.load(KEY)).to.equal(5);
    nowMs += 10_000;
    expect(loads.load(KEY)).to.equal(undefined);
    answer = async () => new Map();
    await until('a reading', async () => loads.load(KEY) === 0);
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).to.deep.equal([
      'warn',
      'info',
    ]);
  });

  it('reads on no longer than it is wanted, and begins again', async () => {
    loads.want(true);
    await until('a reading', async () => loads.load(KEY) === 5);
    loads.want(false);
    await Bun.sleep(20);
    const before = reads;
    await Bun.sleep(20);
    expect(reads).to.equal(before);
    loads.want(true);
    await until('another reading', async () => reads > before);
  });
});
