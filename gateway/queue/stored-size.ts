// How long what is stored of a call may be. JetStream takes 65,535 bytes of headers with a message, and what is told of a call is there.

/** For all that is ours, beside what the client of NATS adds. */
export const MOST_STORED_BYTES = 65_535 - 512;
/**
 * Of a call itself, its chain included: its dead letter has the call again, and must have room for how it died. It is more than
 * `MOST_HEADER_BYTES` with the longest step.
 */
export const MOST_CALL_BYTES = 58 * 1024;
/**
 * Of an answer's headers: a record of the longest chain (16 steps of 1.6 KB), the longest callback's URL (8 KB) and the most attempts, their
 * errors in short (4 KB), has room for them.
 */
export const MOST_RESULT_HEADER_BYTES = 24 * 1024;

/** As JSON in a header's value: what is not printable ASCII takes six bytes. */
export function storedBytes(value: unknown): number {
  const text = JSON.stringify(value);
  const escaped = text.match(/[^ -~]/g)?.length ?? 0;
  return text.length + escaped * 5;
}
