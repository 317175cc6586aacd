import { fieldNameCount, knownFieldId } from './field-names.ts';
import { FieldSpans } from './field-spans.ts';
import { latin1 } from './intern.ts';

/** Of the head that was looked at last: one head is read and passed on before the next comes, so that one table serves all. */
const spans = new FieldSpans();
let owner: ReceivedFields | undefined;
let namesThen = 0;

/**
 * The fields of a received head, kept as the bytes that came. What is asked for is looked up in them; strings are made for
 * who wants strings. The bytes are never written to again, so that a head can be looked at long after its call.
 */
export class ReceivedFields {
  readonly bytes: Buffer;
  /** Where the field lines begin, and where the head ends, its empty line included. */
  readonly fieldsStart: number;
  readonly end: number;
  #headers: readonly string[] | undefined;

  /** @param bytes kept as long as the head is: see {@link isBesideMuch}. @throws {BadMessage} see {@link FieldSpans.read} */
  constructor(bytes: Buffer, fieldsStart: number, end: number, mostFields: number) {
    this.bytes = bytes;
    this.fieldsStart = fieldsStart;
    this.end = end;
    owner = undefined;
    namesThen = fieldNameCount();
    spans.read(bytes, fieldsStart, end, mostFields);
    owner = this;
  }

  /** Good until another head is looked at. */
  get spans(): FieldSpans {
    if (owner !== this || namesThen !== fieldNameCount()) {
      owner = undefined;
      namesThen = fieldNameCount();
      spans.read(this.bytes, this.fieldsStart, this.end, Number.MAX_SAFE_INTEGER);
      owner = this;
    }
    return spans;
  }

  /** `[name, value, …]` as they came. */
  get headers(): readonly string[] {
    this.#headers ??= this.#toStrings();
    return this.#headers;
  }

  #toStrings(): string[] {
    const { spans } = this;
    const headers: string[] = [];
    for (let i = 0; i < spans.count; i++) {
      const value = this.bytes.toString('latin1', spans.valueStart(i), spans.valueEnd(i));
      headers.push(this.name(i), value);
    }
    return headers;
  }

  /** Whether there is a field of the name with this number. */
  has(id: number): boolean {
    const { spans } = this;
    for (let i = 0; i < spans.count; i++) if (spans.id(i) === id) return true;
    return false;
  }

  name(index: number): string {
    return this.bytes.toString('latin1', this.spans.nameStart(index), this.spans.nameEnd(index));
  }

  value(index: number): string {
    const { spans } = this;
    return latin1(this.bytes, spans.valueStart(index), spans.valueEnd(index));
  }

  /** First value of a field; undefined when there is none. */
  find(lowerCaseName: string): string | undefined {
    const id = knownFieldId(lowerCaseName);
    const { spans } = this;
    for (let i = 0; i < spans.count; i++) {
      if (id === 0 ? this.#isNamed(i, lowerCaseName) : spans.id(i) === id) return this.value(i);
    }
    return undefined;
  }

  #isNamed(index: number, lowerCaseName: string): boolean {
    const length = this.spans.nameEnd(index) - this.spans.nameStart(index);
    return length === lowerCaseName.length && this.name(index).toLowerCase() === lowerCaseName;
  }
}

/** A head lives as long as its call; what else was received with it should not, beyond this. */
const KEPT_BESIDE_BYTES = 8_192;

/** Whether a head had better be copied than keep all that it was received with. */
export function isBesideMuch(bytes: Buffer, start: number, end: number): boolean {
  return bytes.length - (end - start) > KEPT_BESIDE_BYTES;
}
