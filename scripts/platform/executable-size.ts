import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** What a file adds to an image: on a disk, and on its way through a registry (gzip). */
export async function sizeOf(
  file: string,
): Promise<{ readonly bytes: number; readonly gzippedBytes: number }> {
  let gzippedBytes = 0;
  await pipeline(createReadStream(file), createGzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) gzippedBytes += piece.length;
  });
  return { bytes: statSync(file).size, gzippedBytes };
}

/** `109.5 MB (109480112 bytes), 52.3 MB compressed (52338231 bytes)` */
export async function sizeText(file: string): Promise<string> {
  const { bytes, gzippedBytes } = await sizeOf(file);
  const megabytes = (count: number): string => `${(count / 1e6).toFixed(1)} MB`;
  return `${megabytes(bytes)} (${bytes} bytes), ${megabytes(gzippedBytes)} compressed (${gzippedBytes} bytes)`;
}
