// What marks a call: its id, and when it came. Kept as numbers, and written as the header lines that both sides get; strings are
// made only where somebody reads them.

import type { HeadOut } from '../../http1/types.ts';
import { timeOfDay } from './time-of-day.ts';

const RANDOM_WORDS = 1024;
const WORDS_OF_ID = 4;
const random = new Uint32Array(RANDOM_WORDS);
let used = RANDOM_WORDS;

const ID_FIELD = 'X-Call-Id: ';
const TIME_FIELD = 'X-Start-Time: ';
const ID_AT = ID_FIELD.length;
const ID_LENGTH = 36;
const TIME_AT = ID_AT + ID_LENGTH + 2 + TIME_FIELD.length;
/** Nanoseconds since 1970, as OpenFaaS writes them: 19 digits until the year 2286. The clock has microseconds. */
const TIME_LENGTH = 19;
const HALF_OF_MICROS = 1e8;

/** The lines of the call that was written last. */
const lines = Buffer.from(
  `${ID_FIELD}${'-'.repeat(ID_LENGTH)}\r\n${TIME_FIELD}${'0'.repeat(TIME_LENGTH)}\r\n`,
);
const TIME_LINE_AT = ID_AT + ID_LENGTH + 2;
let writtenOf: CallMarks | undefined;
const HEX = Buffer.from('0123456789abcdef');

/** The id of one call, a version 4 UUID unless the client has given one, and the time it came. */
export class CallMarks {
  readonly #given: string | undefined;
  readonly #startedMicros: number;
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #d: number;

  /** @param given the client's own id; `startedAtMs` on the clock of `performance.now()` */
  constructor(given: string | undefined, startedAtMs: number) {
    if (used === RANDOM_WORDS) {
      crypto.getRandomValues(random);
      used = 0;
    }
    this.#given = given === '' ? undefined : given;
    this.#startedMicros = Math.round(timeOfDay(startedAtMs) * 1000);
    this.#a = random[used] ?? 0;
    this.#b = random[used + 1] ?? 0;
    this.#c = random[used + 2] ?? 0;
    this.#d = random[used + 3] ?? 0;
    used += WORDS_OF_ID;
  }

  get id(): string {
    if (this.#given !== undefined) return this.#given;
    this.#render();
    return lines.toString('latin1', ID_AT, ID_AT + ID_LENGTH);
  }

  get startTime(): string {
    return `${this.#startedMicros}000`;
  }

  /** Writes `X-Call-Id` and `X-Start-Time`. */
  write(out: HeadOut): void {
    this.#render();
    if (this.#given === undefined) out.range(lines, 0, lines.length);
    else {
      out.text(ID_FIELD);
      out.text(this.#given);
      out.text('\r\n');
      out.range(lines, TIME_LINE_AT, lines.length);
    }
  }

  #render(): void {
    if (writtenOf === this) return;
    writtenOf = this;
    let at = hex(this.#a, 8, ID_AT);
    at = hex(this.#b >>> 16, 4, at + 1);
    at = hex((this.#b & 0x0fff) | 0x4000, 4, at + 1);
    at = hex(((this.#c >>> 16) & 0x3fff) | 0x8000, 4, at + 1);
    at = hex(this.#c & 0xffff, 4, at + 1);
    hex(this.#d, 8, at);
    const high = Math.floor(this.#startedMicros / HALF_OF_MICROS);
    eightDigits(high, TIME_AT);
    eightDigits(this.#startedMicros - high * HALF_OF_MICROS, TIME_AT + 8);
  }
}

function hex(value: number, digits: number, at: number): number {
  for (let shift = (digits - 1) * 4, i = at; shift >= 0; shift -= 4, i++) {
    lines[i] = HEX[(value >>> shift) & 15] ?? 0;
  }
  return at + digits;
}

function eightDigits(value: number, at: number): void {
  const high = (value / 10_000) | 0;
  fourDigits(high, at);
  fourDigits(value - high * 10_000, at + 4);
}

function fourDigits(value: number, at: number): void {
  let left = value;
  for (let i = at + 3; i >= at; i--) {
    const tens = Math.imul(left, 6554) >>> 16; // a tenth, exact below 16,389
    lines[i] = 0x30 + left - tens * 10;
    left = tens;
  }
}
