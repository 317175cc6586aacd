/**
 * Works through the items with at most `parallel` at a time, in order of the list.
 * @param work gets the item and the number of its worker, from 0; its failure is kept and the others go on
 * @returns the failures, in the order they came
 */
export async function workThrough<T>(
  items: readonly T[],
  options: {
    readonly parallel: number;
    readonly work: (item: T, worker: number) => Promise<void>;
    readonly onWorkerDone: (worker: number) => void;
  },
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const queue = items[Symbol.iterator]();
  const worker = async (number: number): Promise<void> => {
    for (const item of queue) {
      try {
        await options.work(item, number);
      } catch (error) {
        failures.push(error);
      }
    }
    options.onWorkerDone(number);
  };
  await Promise.all(Array.from({ length: options.parallel }, (_, number) => worker(number)));
  return failures;
}
