import type { CallHeaders } from './call.ts';
import { storedBytes } from './stored-size.ts';

/**
 * As many of a function's headers as can be kept: the longest are left out until the others fit, for an answer that is told without
 * one of its headers is better than one that cannot be told.
 * @param most bytes as stored
 */
export function keptHeaders(headers: CallHeaders, most: number): CallHeaders {
  let length = storedBytes(headers);
  if (length <= most) return headers;
  const fields: { readonly name: string; readonly value: string; readonly length: number }[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2);
    // A comma in place of both brackets.
    fields.push({ name, value, length: storedBytes([name, value]) - 1 });
  }
  const left = new Set<unknown>();
  for (const field of [...fields].sort((a, b) => b.length - a.length)) {
    if (length <= most) break;
    left.add(field);
    length -= field.length;
  }
  return fields.filter((field) => !left.has(field)).flatMap(({ name, value }) => [name, value]);
}
