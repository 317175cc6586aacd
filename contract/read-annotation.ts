import { ContractError } from './contract-error.ts';

/** Labels or annotations. */
export type Texts = Readonly<Record<string, string>>;

const MOST_SHOWN = 100;

/**
 * What an annotation says.
 * @param parse throws an error that says what it may be
 * @returns undefined: there is none
 * @throws {ContractError} that names the annotation, what it may be and what it is
 */
export function readAnnotation<T>(
  annotations: Texts,
  key: string,
  parse: (text: string) => T,
): T | undefined {
  return readText(annotations, { key, name: `annotations: ${key}` }, parse);
}

/** The same for a label. */
export function readLabel<T>(labels: Texts, key: string, parse: (text: string) => T): T | undefined {
  return readText(labels, { key, name: `label ${key}` }, parse);
}

/** A text of a caller's for a message: on one line, and not longer than a line. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, MOST_SHOWN));
}

function readText<T>(
  texts: Texts,
  { key, name }: { readonly key: string; readonly name: string },
  parse: (text: string) => T,
): T | undefined {
  const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw new ContractError(`${name}: ${(error as Error).message}, not ${shown(text)}`, { cause: error });
  }
}
