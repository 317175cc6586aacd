import { ContractError } from '../../../contract/contract-error.ts';
import {
  FOLLOWERS_ANNOTATION,
  MAX_WAIT_ANNOTATION,
  MIN_WAIT_ANNOTATION,
  parseQueueAnnotations,
  QUEUE_ANNOTATION,
  type QueueAnnotations,
  RETRIES_ANNOTATION,
  RETRY_CODES_ANNOTATION,
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

/** Where and what a call runs is not to be guessed. */
const NEEDED = [QUEUE_ANNOTATION, FOLLOWERS_ANNOTATION];
const RETRIES = [RETRIES_ANNOTATION, RETRY_CODES_ANNOTATION, MIN_WAIT_ANNOTATION, MAX_WAIT_ANNOTATION];

/**
 * A deployment is refused for annotations that cannot be read; `docker service update` sets what it is told. Of retries, by the contract,
 * what cannot be read is the worker's.
 */
function readAnnotations({ key, annotations }: FunctionEntry): QueueAnnotations {
  const all = parse(annotations);
  if (!(all instanceof ContractError)) return all;
  const told = only(annotations, NEEDED);
  let read = parse(told);
  if (read instanceof ContractError) {
    throw new FaasError('invalid_request', `${key} cannot be called so: ${read.message}`, { cause: read });
  }
  for (const name of RETRIES) {
    Object.assign(told, only(annotations, [name]));
    const more = parse(told);
    if (more instanceof ContractError) delete told[name];
    else read = more;
  }
  return read;
}

function parse(annotations: Readonly<Record<string, string>>): QueueAnnotations | ContractError {
  try {
    return parseQueueAnnotations(annotations);
  } catch (error) {
    if (error instanceof ContractError) return error;
    throw error;
  }
}

function only(
  annotations: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = annotations[name];
      return text === undefined ? [] : [[name, text]];
    }),
  );
}
