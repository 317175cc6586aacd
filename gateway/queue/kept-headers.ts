import type { CallHeaders } from './call.ts';

/**
 * As many of a function's headers as can be kept: the longest are left out until the others fit, for an answer that is told without
 * one of its headers is better than one that cannot be told.
 * @param most characters of JSON
 */
export function keptHeaders(headers: CallHeaders, most: number): CallHeaders {
  let length = storedLength(headers);
  if (length <= most) return headers;
  const fields: { readonly name: string; readonly value: string; readonly length: number }[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2);
    fields.push({ name, value, length: storedLength([name, value]) });
  }
  const left = new Set<unknown>();
  for (const field of [...fields].sort((a, b) => b.length - a.length)) {
    if (length <= most) break;
    left.add(field);
    length -= field.length;
  }
  return fields.filter((field) => !left.has(field)).flatMap(({ name, value }) => [name, value]);
}

/** As JSON in printable ASCII, see `toHeaderJson`. */
function storedLength(headers: CallHeaders): number {
  const text = JSON.stringify(headers);
  const escaped = text.match(/[^ -~]/g)?.length ?? 0;
  return text.length + escaped * 5;
}
