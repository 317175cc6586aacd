import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openJetStreamQueue } from '../../../../gateway/nats/queue/jetstream-queue.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { createQuietLogger } from '../../../support/quiet-logger.ts';
import { newCall, openQueue, SMALL_LIMITS, type TestQueue } from './fixtures/test-queue.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A file system of its own, which only root can make. */
function mountSmall(folder: string, bytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the disk of NATS is full', () => {
  let folder: string;
  let isMounted = false;
  let nats: NatsServer;
  let queue: TestQueue;

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'skep-small-disk-'));
    isMounted = mountSmall(folder, 4 * MIB);
    if (!isMounted) {
      console.log('      a small file system cannot be mounted here');
      this.skip();
    }
    nats = await startNats({ storeFolder: folder });
  });
  after(async () => {
    await queue?.close();
    await nats?.close();
    if (isMounted) execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('refuses calls, keeps those that it has accepted, and takes calls again after NATS has room', async () => {
    // More than the disk has.
    queue = await openQueue(nats, { queueBytes: 64 * MIB });
    const body = Buffer.alloc(20 * KIB, 1);
    const accepted: string[] = [];
    const fill = async (): Promise<void> => {
      for (;;) accepted.push(await queue.intake.accept(newCall({ body })));
    };
    expect(await codeOf(fill())).to.be.oneOf(['queue_unavailable', 'queue_full']);
    expect(accepted.length).to.be.greaterThan(50);
    for (let tries = 0; tries < 3; tries++) {
      const work = [
        queue.intake.accept(newCall({ body })),
        queue.intake.acceptFirst('first', newCall({ body })),
      ];
      for (const code of await Promise.all(work.map(codeOf))) {
        expect(code).to.be.oneOf(['queue_unavailable', 'queue_full']);
      }
    }

    const { logger, lines } = createQuietLogger();
    const kept = openJetStreamQueue({
      ...nats,
      name: 'keeper',
      cluster: queue.cluster,
      limits: SMALL_LIMITS,
      isDeployed: () => true,
      logger,
    });
    while (!lines.some((line) => line.includes('the queue cannot be used'))) await Bun.sleep(50);
    expect(await codeOf(kept.look(AbortSignal.timeout(10_000)))).to.match(/the queue cannot be used/);

    // What a NATS of this age does on a full disk does not end by itself: its operator makes room and starts it anew.
    execFileSync('mount', ['-o', `remount,size=${64 * MIB}`, folder]);
    await nats.kill();
    await queue.away();
    await nats.start();
    await queue.back();
    while ((await codeOf(kept.look(AbortSignal.timeout(10_000)))) !== '') await Bun.sleep(50);
    const stored = new Set((await queue.waiting()).map(({ id }) => id));
    expect(accepted.filter((id) => !stored.has(id))).to.deep.equal([]);
    const id = await queue.intake.accept(newCall({ body }));
    expect((await queue.waiting()).at(-1)?.id).to.equal(id);
    await kept.stop();
  }).timeout(60_000);
});

/** @returns its code, or its message; empty: it succeeded */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return '';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  }
}
