import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** What a file adds to an image, on a disk and on its way through a registry: `109.5 MB, 55.1 MB compressed (gzip)`. */
export async function sizeText(file: string): Promise<string> {
  let compressed = 0;
  await pipeline(createReadStream(file), createGzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) compressed += piece.length;
  });
  return `${megabytes(statSync(file).size)}, ${megabytes(compressed)} compressed (gzip)`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB (${bytes} bytes)`;
}
