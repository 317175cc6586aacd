import { ContractError } from './contract-error.ts';

/** No body of the contract has more than five; what a newer client adds may have some more. */
const MOST_LEVELS = 100;

/**
 * Refuses what `JSON.parse` takes although nobody can have meant it: an object with one key twice (which of the two is
 * meant?), and nesting without end.
 * @param text must be valid JSON
 * @throws {ContractError} that names the key
 */
export function checkJson(text: string): void {
  /** Of each object that is open its keys so far, of each list undefined. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        open.push(text[at] === '{' ? new Set() : undefined);
        if (open.length > MOST_LEVELS) {
          throw new ContractError(`the body is nested more than ${MOST_LEVELS} levels deep`);
        }
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keys !== undefined && isKey(text, end)) addKey(keys, text.slice(at, end));
        at = end - 1;
      }
    }
  }
}

/** `literal` with its quotes: two spellings of one key are one key. */
function addKey(keys: Set<string>, literal: string): void {
  const key = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);
  if (keys.has(key)) {
    throw new ContractError(
      `${key.slice(0, 100)}: stands twice in the body's JSON: which of the two is meant?`,
    );
  }
  keys.add(key);
}

/** The index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (text[quote - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return text[at] === ':';
}
