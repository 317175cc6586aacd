import { resolve } from 'node:path';
import { MOST_SECRET_BYTES } from '../contract/parse-secret.ts';
import { CliError, fileError } from './errors.ts';
import { readFirstBytes } from './read-beginning.ts';
import type { Shell } from './shell.ts';

export interface ValueFlags {
  readonly fromLiteral?: string;
  readonly fromFile?: string;
  readonly trim: boolean;
}

/**
 * A secret's value from a flag, a file or stdin, as the API takes it: `value`, and for a file or for bytes that are no text
 * `rawValue` in base64, untrimmed, which gateways take first.
 * @throws {CliError} for two sources, an unreadable file, or an empty value
 */
export async function readSecretValue(shell: Shell, flags: ValueFlags): Promise<Record<string, string>> {
  const { fromLiteral, fromFile, trim } = flags;
  if (fromLiteral !== undefined && fromFile !== undefined) {
    throw new CliError(
      'please provide secret using only one option from --from-literal, --from-file and STDIN',
    );
  }
  const bytes = await readBytes(shell, flags);
  if (bytes.length > MOST_SECRET_BYTES)
    throw new CliError(
      `a secret may have at most ${MOST_SECRET_BYTES} bytes (500 KB): put what is larger into the image`,
    );
  const isText = Buffer.from(bytes.toString('utf8')).equals(bytes);
  const text = bytes.toString('utf8');
  const value = trim ? text.trim() : text;
  if (value === '') {
    throw new CliError('must provide a non empty secret via --from-literal, --from-file or STDIN');
  }
  const sendsRaw = fromFile !== undefined || !isText;
  return { value, ...(sendsRaw && { rawValue: bytes.toString('base64') }) };
}

async function readBytes(shell: Shell, { fromLiteral, fromFile }: ValueFlags): Promise<Buffer> {
  if (fromLiteral !== undefined) return Buffer.from(fromLiteral);
  if (fromFile === undefined) {
    if (shell.stdinIsTerminal) shell.note('Reading from STDIN - hit (Control + D) to stop.');
    return Buffer.from(
      await shell.readStdin(
        MOST_SECRET_BYTES,
        'a secret has at most 500 KB, put what is larger into the image',
      ),
    );
  }
  try {
    return await readFirstBytes(resolve(shell.cwd, fromFile));
  } catch (error) {
    throw fileError('read', fromFile, error);
  }
}
