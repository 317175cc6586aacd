import type { TaskLine } from './log-frames.ts';

/** Lines of one task are written by two copiers, so their times may be in disorder by as much. */
const KEPT_PER_TASK = 32;

interface Recent {
  keys: string[];
  /** Older lines of this task were told, too. */
  isFull: boolean;
  oldest: string;
}

/** Which lines a reader was told: a log that is read again from an earlier time repeats none and leaves out none. */
export class ToldLines {
  readonly #byTask = new Map<string, Recent>();
  /** Lines before it are not wanted; the engine's times sort as text. */
  #floor = '';
  #newest: string | undefined;

  /** Time of the newest line told. */
  get newest(): string | undefined {
    return this.#newest;
  }

  /** From here on nothing older than `timestamp` is new. */
  forgetBefore(timestamp: string): void {
    this.#floor = timestamp;
  }

  isNew(line: TaskLine): boolean {
    if (line.timestamp < this.#floor) return false;
    const recent = this.#byTask.get(line.taskId);
    if (recent === undefined) return true;
    if (recent.isFull && line.timestamp < recent.oldest) return false;
    return !recent.keys.includes(keyOf(line));
  }

  add(line: TaskLine): void {
    if (this.#newest === undefined || line.timestamp > this.#newest) this.#newest = line.timestamp;
    let recent = this.#byTask.get(line.taskId);
    if (recent === undefined) {
      recent = { keys: [], isFull: false, oldest: line.timestamp };
      this.#byTask.set(line.taskId, recent);
    }
    recent.keys.push(keyOf(line));
    if (recent.keys.length <= KEPT_PER_TASK) return;
    recent.keys.shift();
    recent.isFull = true;
    recent.oldest = (recent.keys[0] ?? '').split(' ', 1)[0] ?? '';
  }
}

function keyOf({ timestamp, text }: TaskLine): string {
  return `${timestamp} ${text.length} ${text.slice(0, 64)}`;
}
