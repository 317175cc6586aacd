import { BadMessage } from './bad-message.ts';
import { bodyLength, framing, keepsAlive, type Version } from './framing.ts';
import { HOST_BYTE, listHas } from './grammar.ts';
import { latin1 } from './intern.ts';
import type { ReceivedFields } from './received-fields.ts';
import type { RawHeaders, RequestHead } from './types.ts';

/** A received request head, with what the connection needs to know of it. */
export class ParsedRequest implements RequestHead {
  readonly fields: ReceivedFields;
  readonly method: string;
  readonly version: Version;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  /** `Upgrade` is asked for, and `Connection` says so. */
  readonly wantsUpgrade: boolean;
  /** All `Connection` values joined by commas; empty when there is none. */
  readonly connection: string;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  #target: string | undefined;
  /** The fields, where some were replaced. */
  #replaced: RawHeaders | undefined;

  /** Reads framing off the field lines that were read last. @throws {BadMessage} */
  constructor(
    fields: ReceivedFields,
    method: string,
    targetStart: number,
    targetEnd: number,
    version: Version,
  ) {
    framing.read(fields);
    if (framing.hostCount > 1) throw new BadMessage(400, 'more than one Host');
    if (framing.hostCount === 0) {
      if (version === '1.1') throw new BadMessage(400, 'Host is missing');
    } else if (!isHost(fields, framing.hostIndex)) throw new BadMessage(400, 'invalid Host');
    const said = bodyLength(fields, version);
    const { connection } = framing;
    this.fields = fields;
    this.method = method;
    this.version = version;
    this.#targetStart = targetStart;
    this.#targetEnd = targetEnd;
    this.contentLength = Number.isNaN(said) ? 0 : said;
    this.connection = connection;
    this.keepAlive = keepsAlive(connection, version);
    this.expectsContinue = framing.expect !== '' && version === '1.1';
    this.wantsUpgrade = framing.hasUpgrade && version === '1.1' && listHas(connection, 'upgrade');
    if (this.expectsContinue && framing.expect.toLowerCase() !== '100-continue') {
      throw new BadMessage(417, 'the only expectation understood is 100-continue');
    }
  }

  get target(): string {
    this.#target ??= latin1(this.fields.bytes, this.#targetStart, this.#targetEnd);
    return this.#target;
  }

  get headers(): RawHeaders {
    return this.#replaced ?? this.fields.headers;
  }

  /** Whether the fields are still what came, so that their bytes can be passed on. */
  get isAsReceived(): boolean {
    return this.#replaced === undefined;
  }

  /** Whether there is a field of the name with this number. */
  has(id: number): boolean {
    return this.fields.has(id);
  }

  find(lowerCaseName: string): string | undefined {
    const headers = this.#replaced;
    if (headers === undefined) return this.fields.find(lowerCaseName);
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]?.toLowerCase() === lowerCaseName) return headers[i + 1];
    }
    return undefined;
  }

  /** Puts one field in the place of all of that name. */
  replace(name: string, value: string): void {
    const lowerCaseName = name.toLowerCase();
    const others = this.headers.filter((_, i, all) => all[i - (i % 2)]?.toLowerCase() !== lowerCaseName);
    this.#replaced = [...others, name, value];
  }
}

function isHost(fields: ReceivedFields, index: number): boolean {
  const { bytes, spans } = fields;
  const end = spans.valueEnd(index);
  for (let i = spans.valueStart(index); i < end; i++) {
    if (HOST_BYTE[bytes[i] ?? 0] === 0) return false;
  }
  return true;
}
