// While one socket's event is handled, the clock is read at most once, and what is written goes out when the event is over.

let isHandling = false;
let timeMs = 0;

/** To be followed by `endEvent` however it goes. */
export function beginEvent(): void {
  isHandling = true;
  timeMs = 0;
}

export function endEvent(): void {
  isHandling = false;
}

export function isInEvent(): boolean {
  return isHandling;
}

/** The time of what happens now, on the clock of `performance.now()`: within one event it stands still. */
export function eventTime(): number {
  if (!isHandling) return performance.now();
  if (timeMs === 0) timeMs = performance.now();
  return timeMs;
}
