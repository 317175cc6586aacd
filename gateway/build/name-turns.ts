import { canonicalImage } from '../../contract/canonical-image.ts';

/** Whoever builds an image and deploys it by its name must find its own under it: one after the other, in the order in which they came. */
export class NameTurns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * @param onWait called when another one has this name
   * @throws the signal's reason when it aborts while waiting
   */
  async during<T>(
    image: string,
    {
      signal,
      onWait,
      work,
    }: { readonly signal: AbortSignal; readonly onWait: () => void; readonly work: () => Promise<T> },
  ): Promise<T> {
    const { repository, tag } = canonicalImage(image);
    const name = `${repository}:${tag}`;
    const before = this.#last.get(name);
    const { promise: isOver, resolve: finish } = Promise.withResolvers<void>();
    const turn = (before ?? Promise.resolve()).then(() => isOver);
    this.#last.set(name, turn);
    void turn.then(() => {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    });
    try {
      if (before !== undefined) {
        onWait();
        await unlessAborted(before, signal);
      }
      return await work();
    } finally {
      finish();
    }
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
