import { type Logger, withFields } from '../log.ts';
import { ControlChannel } from './control-channel.ts';
import { LAST_CALL_MS } from './last-call.ts';
import { ServingWorker } from './serving-worker.ts';
import { becomeWorkerUser } from './worker-user.ts';

/** Without a control process the table grows stale: what is in flight may finish, for so long. */
const ORPHAN_DRAIN_MS = 5000;

/** Serves clients as the control process tells, until it says stop or is there no more. Ends the process. */
export function runWorker(plainLogger: Logger): void {
  let worker: ServingWorker | undefined;
  let isEnding = false;
  const channel = new ControlChannel({
    onBegin: ({ task, table }) => {
      const logger = withFields(plainLogger, { worker: task.worker });
      try {
        worker = new ServingWorker(task, table, { channel, logger });
        if (!task.keepsRights) becomeWorkerUser();
        channel.send({ kind: 'listening' });
      } catch (error) {
        channel.send({ kind: 'not_listening', reason: `cannot begin: ${(error as Error).message}` });
        logger.error('a worker could not begin', { error });
        setImmediate(() => process.exit(1));
      }
    },
    onChanges: ({ changes }) => worker?.apply(changes),
    onCount: (id) => worker?.report(id),
    onDrain: (times) => {
      isEnding = true;
      // Its channel is closed when this was read: then it ends.
      void Promise.resolve(worker?.drain(times) ?? 0).then((cutOff) =>
        channel.send({ kind: 'drained', cutOff }),
      );
    },
    onLost: () => {
      if (worker === undefined || worker.isDrained) process.exit(isEnding ? 0 : 1);
      plainLogger.error('the control process is gone: the worker finishes what it has');
      const end = (): void => process.exit(1);
      setTimeout(end, ORPHAN_DRAIN_MS + LAST_CALL_MS);
      void worker.drain({ withinMs: ORPHAN_DRAIN_MS, servesOnMs: 0 }).then(end);
    },
  });
  // Sent to a whole group of processes (a terminal's Ctrl-C): the control process has it too, and tells what is to be done.
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
}
