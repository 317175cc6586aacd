import { FUNCTION_LABEL } from '../functions/labels.ts';
import type { Engine } from './engine.ts';
import { type ListedService, onePerFunction } from './read-back.ts';

/** How long a list is taken for the truth while the engine's events tell of changes: one of them may be lost. */
const LONGEST_MS = 5000;

/**
 * The services that are functions, for whoever reads them every second: of hundreds, the list costs the engine several times as much
 * as their tasks. Read anew after every change that is known of, and always while no events come.
 */
export class ServiceList {
  readonly #engine: Engine;
  readonly #defaultNamespace: string;
  readonly #now: () => number;
  #services: ListedService[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #isStale = true;
  #isFollowed = false;

  /** @param now milliseconds, default `performance.now` */
  constructor(engine: Engine, defaultNamespace: string, now: () => number = () => performance.now()) {
    this.#engine = engine;
    this.#defaultNamespace = defaultNamespace;
    this.#now = now;
  }

  /** A service has changed, or may have. */
  changed(): void {
    this.#isStale = true;
  }

  /** Whether events of services come in: without them nothing is kept. */
  followed(isFollowed: boolean): void {
    this.#isFollowed = isFollowed;
    this.#isStale = true;
  }

  /** At least as new as the last change that was told. @throws {FaasError} `provider_unavailable` */
  async read(): Promise<ListedService[]> {
    if (!this.#isStale && this.#isFollowed && this.#now() - this.#readAt < LONGEST_MS) return this.#services;
    const readAt = this.#now();
    this.#isStale = false; // What changes from here on may be missing in the answer.
    try {
      const services: ListedService[] = await this.#engine.ask('list services', (docker, abortSignal) =>
        docker.listServices({ filters: { label: [FUNCTION_LABEL] }, abortSignal }),
      );
      this.#services = onePerFunction(services, this.#defaultNamespace);
      this.#readAt = readAt;
      return this.#services;
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
  }
}
