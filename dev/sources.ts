import { FaasError } from '../gateway/errors.ts';
import type { Runnable, RunnableSource } from '../gateway/processes/runnable.ts';

/** The functions of the stack file by the images that they would be made into. */
export class DevSources implements RunnableSource {
  readonly #byImage = new Map<
    string,
    { readonly name: string; readonly runnable?: Runnable; readonly why?: string }
  >();

  /** @param runnable as it was prepared last */
  set(image: string, name: string, runnable: Runnable): void {
    this.#byImage.set(image, { name, runnable });
  }

  /** What was prepared before stays what runs. */
  fail(image: string, name: string, why: string): void {
    const { runnable } = this.#byImage.get(image) ?? {};
    this.#byImage.set(image, { name, why, ...(runnable && { runnable }) });
  }

  /** Another function's image of the same name stays. */
  remove(name: string): void {
    for (const [image, of] of this.#byImage) if (of.name === name) this.#byImage.delete(image);
  }

  async find(image: string): Promise<Runnable> {
    const found = this.#byImage.get(image);
    if (found?.runnable !== undefined) return found.runnable;
    throw new FaasError(
      'invalid_request',
      found === undefined
        ? `nothing here makes the image ${image}: skep dev runs functions from the sources in its stack file, and there is no engine to run images`
        : `${found.name} cannot run: ${found.why ?? 'it is being prepared; try again in a moment'}`,
    );
  }
}
