import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Reads `basic-auth-user` and `basic-auth-password`; blanks around the values do not count.
 * @throws {Error} that names the file that is missing or empty
 */
export async function loadCredentials(folder: string): Promise<Credentials> {
  const read = async (name: string): Promise<string> => {
    const path = join(folder, name);
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new Error(`${path} can not be read: create the secret ${name}, or set basic_auth=false`, {
        cause,
      });
    });
    if (text.trim() === '') throw new Error(`${path} is empty: nobody could log in`);
    return text.trim();
  };
  return { username: await read('basic-auth-user'), password: await read('basic-auth-password') };
}

/** Whether an `Authorization` header carries these credentials. Takes as long whichever part is wrong. */
export function isAuthorized(header: string | undefined, { username, password }: Credentials): boolean {
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(header ?? '')?.[1] ?? '';
  const given = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = given.indexOf(':');
  const isUser = isEqual(given.slice(0, Math.max(colon, 0)), username);
  const isPassword = isEqual(given.slice(colon + 1), password);
  return colon !== -1 && isUser && isPassword;
}

/** Hashed first: timingSafeEqual wants equal lengths, and the length is a secret, too. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
