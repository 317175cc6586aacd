import { createLogger } from './log.ts';
import { QUEUE_WORKER_ROLE } from './queue-worker/role.ts';
import { WORKER_ROLE } from './workers/worker-command.ts';

/**
 * One program, three roles: without an argument it is the gateway, that is its control process, which starts workers of the same
 * program; the queue worker is a service of its own. Each role loads only what it needs.
 */
async function main(args: readonly string[]): Promise<void> {
  if (args.length === 0) {
    const { runControl } = await import('./run-control.ts');
    await runControl(process.env);
  } else if (args.length === 1 && args[0] === WORKER_ROLE) {
    const { runWorker } = await import('./workers/run-worker.ts');
    runWorker(createLogger());
  } else if (args.length === 1 && args[0] === QUEUE_WORKER_ROLE) {
    const { runQueueWorker } = await import('./queue-worker/run-queue-worker.ts');
    await runQueueWorker(process.env);
  } else {
    throw new Error(
      `the gateway takes no arguments but ${QUEUE_WORKER_ROLE}, not ${args.join(' ')}: docs/configuration.md has its settings`,
    );
  }
}

process.on('uncaughtException', (error: Error) => {
  const logger = createLogger();
  // Bun throws this for a request that was ended on purpose, where nobody can catch it: it concerns no other call.
  if (error.name === 'AbortError') {
    logger.warn('a request to the engine was ended', { error });
    return;
  }
  logger.error('the gateway ends: this must not happen', { error });
  process.exit(1);
});

process.on('unhandledRejection', (error: unknown) => {
  createLogger().error('the gateway ends: this must not happen', { error });
  process.exit(1);
});

main(process.argv.slice(2)).catch((error: unknown) => {
  createLogger().error('the gateway did not start', { error });
  process.exit(1);
});
