// Numbers of the server's `errors.json`.
export const NO_CONSUMER = 10014;
export const NO_MESSAGE = 10037;
export const STREAM_NAME_IN_USE = 10058;
export const NO_STREAM = 10059;
const WRONG_LAST_SEQUENCE = new Set([10071, 10164]);

/** Of an error that JetStream answered; 0: it is none. */
export function errorCodeOf(error: unknown): number {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : 0;
}

/** Whether what was to be replaced is no longer what the writer has seen. */
export function isConflict(error: unknown): boolean {
  return WRONG_LAST_SEQUENCE.has(errorCodeOf(error));
}
