import protobuf from 'protobufjs/light.js';

const { Field, Type } = protobuf;

/** What is read of moby.buildkit.v1.StatusResponse. Unknown fields are passed over. */
const Vertex = new Type('Vertex')
  .add(new Field('digest', 1, 'string'))
  .add(new Field('name', 3, 'string'))
  .add(new Field('cached', 4, 'bool'))
  .add(new Field('started', 5, 'bytes'))
  .add(new Field('completed', 6, 'bytes'))
  .add(new Field('error', 7, 'string'));
const VertexLog = new Type('VertexLog')
  .add(new Field('vertex', 1, 'string'))
  .add(new Field('msg', 4, 'bytes'));
const StatusResponse = new Type('StatusResponse')
  .add(Vertex)
  .add(VertexLog)
  .add(new Field('vertexes', 1, 'Vertex', 'repeated'))
  .add(new Field('logs', 3, 'VertexLog', 'repeated'));

interface Status {
  readonly vertexes: readonly {
    readonly digest: string;
    readonly name: string;
    readonly cached: boolean;
    readonly started?: Uint8Array;
    readonly completed?: Uint8Array;
    readonly error: string;
  }[];
  readonly logs: readonly { readonly vertex: string; readonly msg: Uint8Array }[];
}

/** Longest line that is put together of what a step writes. */
const LONGEST_PENDING = 64 * 1024;

/** BuildKit's progress as lines, in the words of `docker build --progress=plain`: `#3 [2/4] RUN npm ci`, `#3 added 12 packages`. */
export class StatusLines {
  readonly #numbers = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #pending = new Map<string, string>();
  readonly #decoders = new Map<string, TextDecoder>();

  /** @param aux of a message with the id `moby.buildkit.trace`, in base64 */
  read(aux: string): string[] {
    const { vertexes, logs } = StatusResponse.decode(Buffer.from(aux, 'base64')) as unknown as Status;
    const before = vertexes.flatMap((vertex) => this.#begun(vertex));
    const written = logs.flatMap((log) => this.#written(log));
    const after = vertexes.flatMap((vertex) => this.#ended(vertex));
    return [...before, ...written, ...after];
  }

  #begun({ digest, name, started }: Status['vertexes'][number]): string[] {
    if (!isSet(started) || this.#isTold(`${digest} begun`)) return [];
    return [`#${this.#number(digest)} ${name}`];
  }

  #ended({ digest, cached, completed, error }: Status['vertexes'][number]): string[] {
    if (!isSet(completed) || this.#isTold(`${digest} ended`)) return [];
    const rest = this.#pending.get(digest) ?? '';
    this.#pending.delete(digest);
    const number = `#${this.#number(digest)}`;
    const outcome = error !== '' ? `ERROR: ${error}` : cached ? 'CACHED' : 'DONE';
    return [...(rest.trim() === '' ? [] : [`${number} ${rest}`]), `${number} ${outcome}`];
  }

  #written({ vertex, msg }: Status['logs'][number]): string[] {
    const decoder = this.#decoders.get(vertex) ?? new TextDecoder();
    this.#decoders.set(vertex, decoder);
    const text = (this.#pending.get(vertex) ?? '') + decoder.decode(msg, { stream: true });
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    this.#pending.set(vertex, rest.length > LONGEST_PENDING ? '' : rest);
    if (rest.length > LONGEST_PENDING) lines.push(rest);
    return lines
      .map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '')
      .filter((line) => line.trim() !== '')
      .map((line) => `#${this.#number(vertex)} ${line}`);
  }

  #number(digest: string): number {
    const number = this.#numbers.get(digest) ?? this.#numbers.size + 1;
    this.#numbers.set(digest, number);
    return number;
  }

  #isTold(what: string): boolean {
    const isTold = this.#told.has(what);
    this.#told.add(what);
    return isTold;
  }
}

function isSet(time: Uint8Array | undefined): boolean {
  return time !== undefined && time.length > 0;
}
