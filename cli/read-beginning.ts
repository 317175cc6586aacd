import { open } from 'node:fs/promises';

/** More than what is refused as too long, whatever its characters. */
export const MOST_BYTES = 4 * 1024 * 1024;

/** The whole of a file that people write by hand, of which none is that long; of a device without end no more than that. */
export async function readBeginning(path: string): Promise<string> {
  return (await readFirstBytes(path)).toString('utf8');
}

/** As `readBeginning`, for what need not be text. */
export async function readFirstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const chunks: Buffer[] = [];
    for (let bytes = 0; bytes <= MOST_BYTES; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}
