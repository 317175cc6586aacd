import { Readable } from 'node:stream';
import { type Header, pack } from 'tar-stream';

export type TarEntry = readonly [
  header: string | (Partial<Header> & { name: string }),
  content?: string | Buffer,
];

/** A tar as a client sends it. */
export async function tarOf(...entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content = ''] of entries) {
    tar.entry(typeof header === 'string' ? { name: header } : header, content);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes as a request's body, in pieces of `size`. */
export function bodyOf(bytes: Buffer, size = 10_007): Readable {
  const pieces: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return Readable.from(pieces, { objectMode: false });
}

export function configEntry(config: unknown): TarEntry {
  return ['com.openfaas.docker.config', typeof config === 'string' ? config : JSON.stringify(config)];
}
