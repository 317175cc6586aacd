/** Where a function is called; with its namespace when one was named. */
export function functionUrl(
  gateway: string,
  name: string,
  namespace?: string,
  kind: 'function' | 'async-function' = 'function',
): string {
  return `${gateway}/${kind}/${namespace ? `${name}.${namespace}` : name}`;
}
