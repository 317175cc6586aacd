import { BadMessage } from './bad-message.ts';
import { FIELD_VALUE } from './grammar.ts';
import { parseTrailers } from './parse-head.ts';

const CR = 0x0d;
const LF = 0x0a;
const MAX_SIZE_DIGITS = 12;
const MAX_EXTENSION_BYTES = 4096;
const DATA_PER_EXTENSION = 8;
const MAX_TRAILER_BYTES = 16_384;
const MAX_TRAILER_FIELDS = 64;

type State = 'size' | 'blank' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done';

/**
 * Takes the chunked coding off a body (RFC 9112 7.1), strictly: hexadecimal sizes, CR LF everywhere, bounded extensions and trailers.
 * Usage: `position = decoder.step(bytes, position)`; after each step `dataStart` to `dataEnd` are body bytes (may be none);
 * repeat until all bytes are used or `isDone`.
 */
export class ChunkedDecoder {
  dataStart = 0;
  dataEnd = 0;
  isDone = false;
  /** Trailer fields, once done. */
  trailers: string[] = [];
  #state: State = 'size';
  #left = 0;
  #digits = 0;
  /**
   * Over the whole body, so that tiny chunks with long extensions are no way to send much and say little; data makes up for some,
   * since there are bodies that sign each chunk.
   */
  #extensionBytes = 0;
  #trailer = '';

  /** Reads on until a run of body bytes, the end of the body, or the end of `bytes`; returns how far it came. @throws {BadMessage} */
  step(bytes: Uint8Array, start: number): number {
    let position = start;
    this.dataStart = this.dataEnd = start;
    while (position < bytes.length && !this.isDone) {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, position + this.#left);
        this.#left -= end - position;
        this.dataStart = position;
        this.dataEnd = end;
        if (this.#left === 0) this.#state = 'data-cr';
        return end;
      }
      this.#take(bytes[position] ?? 0);
      position++;
    }
    return position;
  }

  #take(byte: number): void {
    switch (this.#state) {
      case 'size': {
        const digit = hexDigit(byte);
        if (digit !== -1) {
          if (++this.#digits > MAX_SIZE_DIGITS) throw new BadMessage(400, 'chunk size too large');
          this.#left = this.#left * 16 + digit;
          return;
        }
        if (this.#digits === 0) throw new BadMessage(400, 'chunk size is no hexadecimal number');
        if (byte === CR) this.#state = 'size-lf';
        else if (byte === 0x3b) this.#state = 'extension';
        else if (byte === 0x20 || byte === 0x09) this.#state = 'blank';
        else throw new BadMessage(400, 'chunk size is no hexadecimal number');
        return;
      }
      case 'blank':
        this.#countExtension();
        if (byte === 0x3b) this.#state = 'extension';
        else if (byte !== 0x20 && byte !== 0x09)
          throw new BadMessage(400, 'chunk size is followed by blanks');
        return;
      case 'extension':
        this.#countExtension();
        if (byte === CR) this.#state = 'size-lf';
        else if (FIELD_VALUE[byte] === 0) throw new BadMessage(400, 'control character in a chunk extension');
        return;
      case 'size-lf':
        if (byte !== LF) throw new BadMessage(400, 'chunk size is not followed by CR LF');
        this.#digits = 0;
        this.#extensionBytes = Math.max(0, this.#extensionBytes - this.#left / DATA_PER_EXTENSION);
        this.#state = this.#left === 0 ? 'trailer' : 'data';
        return;
      case 'data-cr':
        if (byte !== CR) throw new BadMessage(400, 'chunk is longer than its size');
        this.#state = 'data-lf';
        return;
      case 'data-lf':
        if (byte !== LF) throw new BadMessage(400, 'chunk is not followed by CR LF');
        this.#state = 'size';
        return;
      case 'trailer':
        this.#takeTrailer(byte);
    }
  }

  #countExtension(): void {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES) throw new BadMessage(400, 'chunk extensions too long');
  }

  #takeTrailer(byte: number): void {
    if (byte === LF && !this.#trailer.endsWith('\r')) throw new BadMessage(400, 'bare LF in the trailers');
    this.#trailer += String.fromCharCode(byte);
    if (byte === LF && (this.#trailer.length === 2 || this.#trailer.endsWith('\r\n\r\n'))) {
      if (this.#trailer.length > 2) this.trailers = [...parseTrailers(this.#trailer, MAX_TRAILER_FIELDS)];
      else if (this.#trailer !== '\r\n') throw new BadMessage(400, 'bare CR in the trailers');
      this.#state = 'done';
      this.isDone = true;
    } else if (this.#trailer.length > MAX_TRAILER_BYTES) throw new BadMessage(431, 'trailers too long');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
