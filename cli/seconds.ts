/** Seconds since a `performance.now()`, as faas-cli prints them: `1.23s`. */
export function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)}s`;
}
