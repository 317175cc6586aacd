import type { Engine } from './engine.ts';
import { engineStatus } from './errors.ts';

/** Told of an image that should go and does not. */
export type OnLeftover = (image: string, error: unknown) => void;

/** Layers of a build that failed are worth something to the next try, for a while. */
const KEPT_MS = 60 * 60_000;
const MOST_REMEMBERED = 200;
/** ` ---> 5f3a…`: a step's image. */
const STEP_IMAGE = /^\s*---> ([0-9a-f]{12,64})$/;

/**
 * Removes what builds leave behind, after each: images whose name went to a newer one, once no service needs them, and the layers of
 * builds that failed more than an hour ago. Whatever is in use the engine keeps by itself.
 */
export class BuildLeftovers {
  readonly #engine: Engine;
  readonly #label: string;
  readonly #onLeftover: OnLeftover;
  /** The layers of builds, and until when they are kept. */
  readonly #layers = new Map<string, number>();
  #builds = 0;
  #sweeping: Promise<void> | undefined;

  constructor(engine: Engine, label: string, onLeftover: OnLeftover = () => {}) {
    this.#engine = engine;
    this.#label = label;
    this.#onLeftover = onLeftover;
  }

  /** Reads along with a build. */
  see(line: string): void {
    const [, id] = STEP_IMAGE.exec(line) ?? [];
    if (id === undefined) return;
    this.#layers.delete(id);
    this.#layers.set(id, performance.now() + KEPT_MS);
    const [oldest] = this.#layers.keys();
    if (this.#layers.size > MOST_REMEMBERED && oldest !== undefined) this.#layers.delete(oldest);
  }

  /**
   * Runs a build; when the last one that runs is over, sweeps. Never both at a time: an image that is made again has its old id, and
   * would be taken for one without a name until the moment it gets it.
   */
  async during<T>(build: () => Promise<T>): Promise<T> {
    this.#builds++;
    try {
      await this.#sweeping;
      return await build();
    } finally {
      this.#builds--;
      if (this.#builds === 0) {
        this.#sweeping = this.#sweep();
      }
    }
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    try {
      const dangling = await this.#dangling();
      const needed = await this.#needed();
      const isOver = (id: string): boolean =>
        (this.#layers.get(id.slice(0, 12)) ?? Number.POSITIVE_INFINITY) < performance.now();
      for (const { id, digests, isBuilt } of dangling) {
        if ([id, ...digests].some((each) => needed.has(each)) || !(isBuilt || isOver(id))) continue;
        await this.#remove(id);
      }
    } catch (error) {
      this.#onLeftover('', error);
    }
  }

  async #remove(id: string): Promise<void> {
    try {
      await this.#engine.call('remove image', (docker) => docker.getImage(id).remove());
      this.#layers.delete(id.slice(0, 12));
    } catch (error) {
      // 409: a container or another image is made of it; 404: somebody was faster.
      const status = engineStatus(error);
      if (status !== 409 && status !== 404) this.#onLeftover(id, error);
    }
  }

  /** Images without a tag, by id without `sha256:`, with the digests that registries know them by. */
  async #dangling(): Promise<{ id: string; digests: readonly string[]; isBuilt: boolean }[]> {
    const images = await this.#engine.call('list images', (docker) =>
      docker.listImages({ filters: { dangling: ['true'] } }),
    );
    return images.map(({ Id, RepoDigests, Labels }) => ({
      id: Id.replace(/^sha256:/, ''),
      digests: (RepoDigests ?? []).map((name) => name.replace(/^.*@sha256:/, '')),
      isBuilt: Labels?.[this.#label] !== undefined,
    }));
  }

  /** Ids and digests of images that services run, or may be rolled back to: one without replicas has no container that would hold it. */
  async #needed(): Promise<Set<string>> {
    const services = await this.#engine.call('list services', (docker) => docker.listServices());
    const specs = services.flatMap((service) => [
      service.Spec,
      (service as { PreviousSpec?: unknown }).PreviousSpec,
    ]);
    const ids = JSON.stringify(specs).matchAll(/sha256:([0-9a-f]{64})/g);
    return new Set([...ids].map(([, id]) => id ?? ''));
  }
}
