import { CST, Lexer } from 'yaml';

/** A stack file has five. */
const MOST_LEVELS = 64;
const WIDEST_INDENT = / {400}/y;

/**
 * Where a YAML text goes deeper than anybody can mean, or undefined. Asked before it is parsed: the parser calls itself for each level, and
 * a stack that has overflowed leaves this process slow for a minute.
 */
export function tooDeepAt(text: string): number | undefined {
  let offset = 0;
  let brackets = 0;
  let inLine = 0;
  for (const token of new Lexer().lex(text)) {
    switch (CST.tokenType(token)) {
      case 'flow-map-start':
      case 'flow-seq-start':
        brackets += 1;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        brackets -= 1;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'map-value-ind':
        if (brackets === 0) inLine += 1; // `- - - x` is three levels
        break;
      case 'newline':
        inLine = 0;
    }
    WIDEST_INDENT.lastIndex = offset;
    if (
      brackets > MOST_LEVELS ||
      inLine > MOST_LEVELS ||
      (token.startsWith('    ') && WIDEST_INDENT.test(text))
    )
      return offset;
    if (!isMark(token)) offset += token.length;
  }
  return undefined;
}

/** What the lexer says beside the text: the beginning of a document or scalar, an end that is missing. */
function isMark(token: string): boolean {
  return token === CST.DOCUMENT || token === CST.FLOW_END || token === CST.SCALAR;
}
