import type { Engine } from './engine.ts';
import { listTasks, type Task } from './tasks.ts';

/** Most tasks asked for by id at a time: a longer list would not fit a URL. */
const MOST_IDS = 100;
/** Most tasks whose end is not known yet: where the engine does not tell for long, the oldest are given up. */
const MOST_UNREAD = 5000;
/**
 * Ended by itself: neither told to (`shutdown`, or it runs on while it stops), nor lost with its node (`orphaned`). One that failed and
 * is replaced is meant to be shut down as well, but its state stays.
 */
const BY_ITSELF: ReadonlySet<string> = new Set(['failed', 'rejected', 'complete']);

/** Finds the tasks that ended by themselves, from the lists of those that live: each is told once. */
export class TaskEndings {
  readonly #engine: Engine;
  #live: readonly string[] = [];
  /** Are not live any more, and nobody has asked why. */
  #unread: string[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * @param live the tasks that live now
   * @returns tasks that lived when this was called last and have ended by themselves since. Never rejects: what the engine does not tell
   * now is told the next time
   */
  async since(live: readonly Task[]): Promise<Task[]> {
    const present = new Set(live.map(({ ID }) => ID));
    this.#unread.push(...this.#live.filter((id) => !present.has(id)));
    this.#live = [...present];
    const asked = this.#unread.slice(-MOST_UNREAD);
    this.#unread = [];
    const ended: Task[] = [];
    for (let from = 0; from < asked.length; from += MOST_IDS) {
      try {
        ended.push(...(await listTasks(this.#engine, { id: asked.slice(from, from + MOST_IDS) })));
      } catch {
        this.#unread = asked.slice(from);
        break;
      }
    }
    return ended.filter(({ Status }) => BY_ITSELF.has(Status?.State ?? ''));
  }
}
