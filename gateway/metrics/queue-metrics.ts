import type { Backlog, QueueView } from '../queue/call-queue.ts';
import { type Family, familyText, labelText } from './family-text.ts';

/** `accepted`: a call was made; `missed`: nobody could make it in time; `failed`: it could not be made then, and was tried again. */
export type TickResult = 'accepted' | 'missed' | 'failed';

type Sample = readonly [labels: string, value: number];

/** What there is to tell of calls that wait, and of those that schedules make. */
export class QueueMetrics {
  /** By `name.namespace`. */
  readonly #ticks = new Map<string, Record<TickResult, number>>();
  #view: QueueView | undefined;

  /** @param key `name.namespace` */
  tick(key: string, result: TickResult): void {
    const counts = this.#ticks.get(key) ?? { accepted: 0, missed: 0, failed: 0 };
    counts[result] += 1;
    this.#ticks.set(key, counts);
  }

  /** What is in the queue now; undefined: nobody can tell, and nothing is shown. */
  show(view: QueueView | undefined): void {
    this.#view = view;
  }

  /**
   * @param there functions: others lose their counters, and what they have in the queue is shown as long as there is some
   * @param now milliseconds since 1970
   */
  text(there: ReadonlySet<string>, now: number = Date.now()): string {
    for (const key of this.#ticks.keys()) if (!there.has(key)) this.#ticks.delete(key);
    const { backlogs = [], later, callbacks = new Map(), dead = new Map() } = this.#view ?? {};
    const ofEach = (read: (backlog: Backlog) => number | undefined): Sample[] =>
      backlogs.flatMap((backlog) => {
        const { waiting, running } = backlog;
        // NATS goes on counting for functions that were removed.
        if (waiting + running === 0 && !there.has(backlog.function)) return [];
        const value = read(backlog);
        if (value === undefined) return [];
        return [[labelText({ queue_name: backlog.queue, function_name: backlog.function }), value]];
      });
    return [
      familyText(
        TICKS,
        [...this.#ticks].flatMap(([function_name, counts]) =>
          Object.entries(counts).map(
            ([result, count]): Sample => [labelText({ function_name, result }), count],
          ),
        ),
      ),
      familyText(
        WAITING,
        ofEach(({ waiting }) => waiting),
      ),
      familyText(
        RUNNING,
        ofEach(({ running }) => running),
      ),
      familyText(
        OLDEST,
        ofEach(({ waiting, waitingSince }) => {
          if (waiting === 0) return 0;
          return waitingSince === undefined ? undefined : Math.max(0, now - waitingSince) / 1000;
        }),
      ),
      familyText(
        CALLBACKS,
        Array.from(callbacks, ([queue_name, count]): Sample => [labelText({ queue_name }), count]),
      ),
      familyText(
        DEAD,
        Array.from(dead, ([function_name, count]): Sample => [labelText({ function_name }), count]),
      ),
      familyText(LATER, later === undefined ? [] : [['', later]]),
    ].join('');
  }
}

const gauge = (name: string, help: string): Family => ({ name, type: 'gauge', help });

const TICKS: Family = {
  name: 'gateway_schedule_ticks_total',
  type: 'counter',
  help: 'Moments of schedules at which this gateway was to call.',
};
const WAITING = gauge('gateway_async_waiting', 'Asynchronous calls that wait for a worker.');
const RUNNING = gauge('gateway_async_running', 'Asynchronous calls that a worker has taken.');
const OLDEST = gauge(
  'gateway_async_oldest_waiting_seconds',
  'How long the asynchronous call has waited that waits longest.',
);
const CALLBACKS = gauge('gateway_async_callbacks', 'Callbacks that wait or are being delivered.');
const DEAD = gauge('gateway_async_dead_letters', 'Calls that were given up, and are kept.');
const LATER = gauge('gateway_async_later', 'Calls, retries and callbacks whose time has not come.');
