import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../../gateway/config.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../gateway/workers/worker-pool.ts';
import { until } from '../../support/platform.ts';
import { createQuietLogger } from '../../support/quiet-logger.ts';

describe('the pool of workers', function () {
  this.timeout(30_000);
  let pool: WorkerPool;
  let lines: string[];

  const open = (fixture: string, changes: Partial<WorkerPoolOptions> = {}): void => {
    const quiet = createQuietLogger();
    lines = quiet.lines;
    pool = new WorkerPool({
      count: 1,
      command: [process.execPath, join(import.meta.dirname, 'fixtures', fixture)],
      task: () => ({
        config: loadConfig({}),
        host: '0.0.0.0',
        port: 1,
        controlSocket: '',
        countsFile: '',
        functionPort: 1,
        version: 'test',
        keepsRights: true,
      }),
      table: () => ({ isLoaded: true, changed: [], removed: [] }),
      wake: async () => {},
      onNudge: () => {},
      onUnreachable: () => {},
      onReport: () => {},
      onAccepts: () => {},
      onGone: () => {},
      onReplaced: () => {},
      onHopeless: () => {},
      logger: quiet.logger,
      ...changes,
    });
  };
  afterEach(() => pool.drain({ servesOnMs: 0, withinMs: 0 }));

  it('replaces a worker that tells nothing of itself any more', async () => {
    let replaced = 0;
    const gone: number[] = [];
    open('hangs-after-hello.ts', {
      tickMs: 20,
      onReplaced: () => replaced++,
      onGone: (worker) => gone.push(worker),
    });
    await pool.begin();
    await until('another worker', async () => replaced > 0);
    expect(gone[0]).to.equal(1);
    const line = lines.find((text) => text.includes('ended by itself')) ?? '';
    expect(line).to.contain('signal SIGKILL').and.contain('has not told of itself for 0.4 s and was ended');
  });

  it('waits for no worker for ever, to hear that all was taken over or what it has counted', async () => {
    open('hangs-after-hello.ts');
    await pool.begin();
    const [, isCounted] = await Promise.all([pool.sync(), pool.count()]);
    expect(isCounted).to.equal(false);
    expect(pool.isServing).to.equal(true);
  });

  it('tells why a worker could not begin', async () => {
    open('cannot-listen.ts');
    const error = await pool.begin().catch((reason: unknown) => reason);
    expect(String(error)).to.contain('worker 1 cannot begin: the port is not ours');
    expect(pool.isServing).to.equal(false);
  });
});
