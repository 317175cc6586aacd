import { bodyLength, framing, keepsAlive, type Version } from './framing.ts';
import type { ReceivedFields } from './received-fields.ts';
import type { RawHeaders, UpstreamResponseHead } from './types.ts';

/** A received response head, with what the upstream connection needs to know of it. */
export class ParsedResponse implements UpstreamResponseHead {
  readonly fields: ReceivedFields;
  readonly status: number;
  readonly version: Version;
  readonly contentLength: number;
  readonly isChunked: boolean;
  readonly keepAlive: boolean;
  readonly connection: string;
  /** Seconds of `Keep-Alive: timeout=…`; -1 when not announced. */
  readonly keepAliveSeconds: number;
  /** Where the status line begins. */
  readonly start: number;

  /** Reads framing off the field lines that were read last. @throws {BadMessage} */
  constructor(fields: ReceivedFields, start: number, status: number, version: Version, isHead: boolean) {
    framing.read(fields);
    const said = bodyLength(fields, version);
    const isBodiless = isHead || status < 200 || status === 204 || status === 304;
    const { connection } = framing;
    this.fields = fields;
    this.start = start;
    this.status = status;
    this.version = version;
    this.contentLength = isBodiless ? 0 : Number.isNaN(said) ? -1 : said;
    this.isChunked = !isBodiless && said === -1;
    this.connection = connection;
    this.keepAlive = keepsAlive(connection, version);
    this.keepAliveSeconds =
      framing.keepAliveIndex === -1 ? -1 : announcedSeconds(fields.value(framing.keepAliveIndex));
  }

  get reason(): string {
    // The reason stands behind the status and a space, before the line's CR LF.
    return this.fields.bytes.toString(
      'latin1',
      this.start + 13,
      Math.max(this.start + 13, this.fields.fieldsStart - 2),
    );
  }

  get headers(): RawHeaders {
    return this.fields.headers;
  }
}

function announcedSeconds(keepAlive: string): number {
  const timeout = /(?:^|[\s,])timeout=(\d{1,9})(?:$|[\s,])/i.exec(keepAlive);
  return timeout === null ? -1 : Number(timeout[1]);
}
