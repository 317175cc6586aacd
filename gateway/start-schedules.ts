import { splitFunctionName } from '../contract/function-ref.ts';
import { CallSteps } from './data-plane/async/call-steps.ts';
import type { TableKeeper } from './data-plane/table-keeper.ts';
import type { Logger } from './log.ts';
import type { GatewayQueue } from './queue/gateway-queue.ts';
import { pause } from './queue/pause.ts';
import { Scheduler, type TickResult } from './schedules/scheduler.ts';

/** How late a tick is noticed at most. */
const LOOK_MS = 500;

export interface SchedulesParts {
  /** Whether this gateway may be the one that calls. */
  readonly isEnabled: boolean;
  readonly queue: Pick<GatewayQueue, 'intake' | 'progress' | 'holdAlone'>;
  /** Of this gateway in this run. */
  readonly id: string;
  readonly keeper: Pick<TableKeeper, 'find' | 'entries' | 'knowledge'>;
  readonly onTick: (key: string, result: TickResult) => void;
  readonly logger: Logger;
}

export interface SchedulesLoop {
  start(): void;
  /** Leaves it to another gateway at once. Never throws. */
  stop(): Promise<void>;
}

/** Calls functions by their schedules, in one gateway of all. */
export function createSchedules(parts: SchedulesParts): SchedulesLoop {
  const { keeper, logger, queue } = parts;
  const steps = new CallSteps({
    find: (name) => keeper.find(name),
    // What is asked for are functions of the table.
    isLoaded: true,
  });
  const scheduler = new Scheduler({
    functions: () => keeper.entries(),
    isGone: (key) => keeper.knowledge.isThere(splitFunctionName(key)) === false,
    intake: queue.intake,
    stepsOf: ({ key }) => {
      const entry = keeper.find(key);
      if (entry === undefined) throw new Error('it was removed');
      return steps.of(entry, undefined);
    },
    store: queue.progress,
    onTick: parts.onTick,
    logger,
  });
  const actor = queue.holdAlone({
    key: 'schedules',
    id: parts.id,
    logger,
    act: async (signal) => {
      scheduler.begin();
      while (!signal.aborted) {
        await scheduler.look(signal);
        await pause(LOOK_MS, signal);
      }
    },
  });
  let waiting: ReturnType<typeof setInterval> | undefined;
  return {
    start: () => {
      if (!parts.isEnabled) return;
      // Without a schedule there is nothing to agree on.
      waiting = setInterval(() => {
        if (!scheduler.isNeeded) return;
        clearInterval(waiting);
        actor.start();
      }, LOOK_MS);
    },
    stop: async () => {
      clearInterval(waiting);
      await actor.stop();
    },
  };
}
