import { BadMessage } from './bad-message.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  HOST,
  KEEP_ALIVE,
  LAST_OF_FRAMING,
  TRANSFER_ENCODING,
  UPGRADE,
} from './field-names.ts';
import { listHas, parseLength } from './grammar.ts';
import type { ReceivedFields } from './received-fields.ts';

export type Version = '1.0' | '1.1';

/** What the field lines say about framing: one at a time is read, used and forgotten. */
class Framing {
  hostCount = 0;
  hostIndex = -1;
  lengthCount = 0;
  lengthIndex = -1;
  encodingCount = 0;
  encodingIndex = -1;
  keepAliveIndex = -1;
  hasUpgrade = false;
  /** All values, joined by commas. */
  connection = '';
  expect = '';

  read(fields: ReceivedFields): void {
    this.hostCount = this.lengthCount = this.encodingCount = 0;
    this.hostIndex = this.lengthIndex = this.encodingIndex = this.keepAliveIndex = -1;
    this.hasUpgrade = false;
    this.connection = this.expect = '';
    const { spans } = fields;
    for (let i = 0; i < spans.count; i++) {
      const id = spans.id(i);
      if (id !== 0 && id <= LAST_OF_FRAMING) this.#note(fields, id, i);
    }
  }

  #note(fields: ReceivedFields, id: number, index: number): void {
    switch (id) {
      case HOST:
        this.hostIndex = index;
        this.hostCount++;
        break;
      case CONTENT_LENGTH:
        this.lengthIndex = index;
        this.lengthCount++;
        break;
      case TRANSFER_ENCODING:
        this.encodingIndex = index;
        this.encodingCount++;
        break;
      case CONNECTION: {
        const value = fields.value(index);
        this.connection = this.connection === '' ? value : `${this.connection},${value}`;
        break;
      }
      case KEEP_ALIVE:
        this.keepAliveIndex = index;
        break;
      case EXPECT: {
        const value = fields.value(index);
        if (value !== '') this.expect = this.expect === '' ? value : `${this.expect}, ${value}`;
        break;
      }
      case UPGRADE:
        this.hasUpgrade = true;
    }
  }
}

/** Of the head that is being read. */
export const framing = new Framing();

/** -1 for chunked, NaN when nothing is said. @throws {BadMessage} */
export function bodyLength(fields: ReceivedFields, version: Version): number {
  const { lengthCount, encodingCount } = framing;
  if (encodingCount > 0) {
    if (lengthCount > 0) throw new BadMessage(400, 'both Content-Length and Transfer-Encoding');
    if (version === '1.0') throw new BadMessage(400, 'Transfer-Encoding in HTTP/1.0');
    const encoding = fields.value(framing.encodingIndex);
    if (encodingCount === 1 && encoding.toLowerCase() === 'chunked') return -1;
    const isKnown = encodingCount === 1 && /^[a-z-]+( *, *[a-z-]+)*$/i.test(encoding);
    throw new BadMessage(isKnown ? 501 : 400, 'the only Transfer-Encoding understood is chunked');
  }
  if (lengthCount === 0) return Number.NaN;
  if (lengthCount > 1) throw new BadMessage(400, 'more than one Content-Length');
  const { spans, bytes } = fields;
  const length = parseLength(
    bytes,
    spans.valueStart(framing.lengthIndex),
    spans.valueEnd(framing.lengthIndex),
  );
  if (Number.isNaN(length)) throw new BadMessage(400, 'Content-Length is not a number of bytes');
  return length;
}

/** Whether the connection stays after a message. @param connection all `Connection` values joined by commas */
export function keepsAlive(connection: string, version: Version): boolean {
  if (connection === '') return version === '1.1';
  return !listHas(connection, 'close') && (version === '1.1' || listHas(connection, 'keep-alive'));
}
