import { ContractError } from '../../../contract/contract-error.ts';
import {
  FOLLOWERS_ANNOTATION,
  parseQueueAnnotations,
  QUEUE_ANNOTATION,
  type QueueAnnotations,
} from '../../../contract/parse-queue-annotations.ts';
import { FaasError } from '../../errors.ts';
import { type CallStep, DEFAULT_QUEUE } from '../../queue/call.ts';
import type { FunctionEntry, FunctionLookup } from '../function-table.ts';

interface Known {
  readonly annotations: Readonly<Record<string, string>>;
  readonly step: CallStep;
  readonly followers: readonly string[];
}

const NOBODY: readonly string[] = [];

/** Which functions a call runs, by which queues, as their annotations are when it is accepted. */
export class CallSteps {
  readonly #table: FunctionLookup;
  /** Of annotations that were read before: they are the same objects as long as nothing of them changes. */
  readonly #known = new WeakMap<FunctionEntry, Known>();

  constructor(table: FunctionLookup) {
    this.#table = table;
  }

  /**
   * @param followers what the client wants to follow; undefined: what the function's annotation says. Those of the functions that
   * follow say nothing.
   * @throws {FaasError} `function_not_found` for one that is not deployed; `invalid_request` for annotations that cannot be read
   */
  of(entry: FunctionEntry, followers: readonly string[] | undefined): readonly CallStep[] {
    const first = this.#read(entry);
    const names = followers ?? first.followers;
    if (names.length === 0) return [first.step];
    const source =
      followers === undefined ? `annotation ${FOLLOWERS_ANNOTATION} of ${entry.key}` : 'X-Skep-Then';
    return [first.step, ...names.map((name) => this.#follower(name, source))];
  }

  #follower(name: string, source: string): CallStep {
    const entry = this.#table.find(name);
    if (entry !== undefined) return this.#read(entry).step;
    throw new FaasError('function_not_found', `${source}: no function ${name} is deployed`);
  }

  #read(entry: FunctionEntry): Known {
    const { annotations, key } = entry;
    const known = this.#known.get(entry);
    if (known?.annotations === annotations) return known;
    const { queue = DEFAULT_QUEUE, retry, followers = NOBODY } = readAnnotations(entry);
    const step = { function: key, queue, ...(retry !== undefined && { retry }) };
    const read = { annotations, step, followers };
    this.#known.set(entry, read);
    return read;
  }
}

/** A deployment is refused for annotations that cannot be read; `docker service update` sets what it is told. */
function readAnnotations({ key, annotations }: FunctionEntry): QueueAnnotations {
  try {
    return parseQueueAnnotations(annotations);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    // The contract: retries that cannot be read are those of the worker. Where and what a call runs is not to be guessed.
    const told: Record<string, string> = {};
    for (const name of [QUEUE_ANNOTATION, FOLLOWERS_ANNOTATION]) {
      const text = annotations[name];
      if (text !== undefined) told[name] = text;
    }
    try {
      return parseQueueAnnotations(told);
    } catch (cause) {
      throw new FaasError('invalid_request', `${key} cannot be called so: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
