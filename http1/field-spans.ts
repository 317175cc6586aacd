import { BadMessage } from './bad-message.ts';
import { fieldIdAt } from './field-names.ts';
import { FIELD_VALUE, TOKEN } from './grammar.ts';

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;
/** Numbers kept of a field: its name's id, where its name begins and ends, where its value begins and ends. */
const STRIDE = 5;

/** The field lines of one head as places in its bytes. */
export class FieldSpans {
  #at = new Int32Array(STRIDE * 64);
  count = 0;

  /**
   * Reads field lines from `start` to the empty line that ends at `end`, every byte of them once.
   * @throws {BadMessage} 400; 431 when there are more than `mostFields`
   */
  read(bytes: Uint8Array, start: number, end: number, mostFields: number): void {
    const last = end - 2;
    let at = this.#at;
    let position = start;
    let count = 0;
    while (position < last) {
      let colon = position;
      while (TOKEN[bytes[colon] ?? 0] === 1) colon++;
      if (colon === position || bytes[colon] !== COLON) throw brokenLine(bytes[colon]);
      let from = colon + 1;
      while (bytes[from] === SPACE || bytes[from] === TAB) from++;
      let lineEnd = from;
      while (FIELD_VALUE[bytes[lineEnd] ?? 0] === 1) lineEnd++;
      if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) throw brokenLine(bytes[lineEnd]);
      let to = lineEnd;
      while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
      if (count === mostFields) throw new BadMessage(431, `more than ${mostFields} header fields`);
      const i = count * STRIDE;
      if (i === at.length) at = this.#grow();
      at[i] = fieldIdAt(bytes, position, colon);
      at[i + 1] = position;
      at[i + 2] = colon;
      at[i + 3] = from;
      at[i + 4] = to;
      count++;
      position = lineEnd + 2;
    }
    if (position !== last || bytes[last] !== CR || bytes[last + 1] !== LF) {
      throw new BadMessage(400, 'the head does not end in an empty line');
    }
    this.count = count;
  }

  #grow(): Int32Array<ArrayBuffer> {
    const larger = new Int32Array(this.#at.length * 2);
    larger.set(this.#at);
    this.#at = larger;
    return larger;
  }

  id(index: number): number {
    return this.#at[index * STRIDE] ?? 0;
  }

  nameStart(index: number): number {
    return this.#at[index * STRIDE + 1] ?? 0;
  }

  nameEnd(index: number): number {
    return this.#at[index * STRIDE + 2] ?? 0;
  }

  valueStart(index: number): number {
    return this.#at[index * STRIDE + 3] ?? 0;
  }

  valueEnd(index: number): number {
    return this.#at[index * STRIDE + 4] ?? 0;
  }
}

function brokenLine(byte: number | undefined): BadMessage {
  if (byte === CR || byte === LF)
    return new BadMessage(400, 'bare CR or LF in the head, or a line without a colon');
  if (byte !== undefined && FIELD_VALUE[byte] === 0)
    return new BadMessage(400, 'control character in the head');
  return new BadMessage(400, 'a header line is not "name: value"');
}
