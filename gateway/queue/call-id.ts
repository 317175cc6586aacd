// The id of a call that nobody named says where it was stored: a question for it needs no search, and accepting it no second write.

import { createHash } from 'node:crypto';

/** Where a call was stored first. */
export type FirstPlace = 'queue' | 'later';

const PLACES: readonly FirstPlace[] = ['queue', 'later'];
const ID = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f])([0-9a-f]{2})-([89ab])([0-9a-f]{3})-([0-9a-f]{12})$/;
const NONCE = /^[0-9a-f]{16}$/;
const MOST_SEQUENCE = 2 ** 48 - 1;

/** A new acceptance's own 64 random bits, 16 hexadecimal digits. */
export function newInstance(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Buffer.from(bytes.buffer).toString('hex');
}

/**
 * A version 8 UUID (RFC 9562) made of the stream, the sequence in it, and the instance.
 * @param sequence of the message in its stream, 1 to 2⁴⁸ − 1
 * @param instance 16 hexadecimal digits
 */
export function idOf(place: FirstPlace, sequence: number, instance: string): string {
  if (!(sequence >= 1 && sequence <= MOST_SEQUENCE) || !NONCE.test(instance)) {
    throw new RangeError(`no id for ${sequence} and ${instance}`);
  }
  const at = sequence.toString(16).padStart(12, '0');
  const kind = PLACES.indexOf(place).toString(16);
  // random 32 | random 16 | 8, place, random 8 | variant, 0, random 8 | sequence 48
  return `${instance.slice(0, 8)}-${instance.slice(8, 12)}-8${kind}${instance.slice(12, 14)}-80${instance.slice(14)}-${at}`;
}

/** What an id says when it is one of {@link idOf}. */
export function placeOf(
  id: string,
): { readonly place: FirstPlace; readonly sequence: number; readonly instance: string } | undefined {
  const found = ID.exec(id);
  if (found === null) return undefined;
  const [, a = '', b = '', kind = '', c = '', variant, d = '', at = ''] = found;
  const place = PLACES[Number.parseInt(kind, 16)];
  const sequence = Number.parseInt(at, 16);
  if (place === undefined || variant !== '8' || d[0] !== '0' || sequence === 0) return undefined;
  return { place, sequence, instance: `${a}${b}${c}${d.slice(1)}` };
}

/** The same one, however often it is sent again, and by however many letters: a worker that was lost may have left two. */
export function nextInstance(instance: string): string {
  return createHash('sha256').update(instance).digest('hex').slice(0, 16);
}
