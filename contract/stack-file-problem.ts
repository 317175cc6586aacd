import { ContractError } from './contract-error.ts';

/** Keys, and places in lists: `['functions', 'a', 'secrets', 1]`. */
export type FieldWay = readonly (string | number)[];

/** Something about a stack file, and where; line and column count from 1. */
export interface StackProblem {
  /** A warning is passed over by everything but `skep validate --strict`. */
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** The way to the value, e.g. `functions.hello.image`; empty for the file as a whole. */
  readonly field: string;
  readonly what: string;
  /** What to do about it; empty where `what` says it. */
  readonly advice: string;
  /** faas-cli's own words, which scripts look for at the beginning of a line. */
  readonly isLiteral?: true;
}

/** `stack.yaml:7:5: functions.hello.image: what; what to do` */
export function problemText({ file, line, column, field, what, advice }: StackProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return `${place}: ${field === '' ? '' : `${field}: `}${what}${advice === '' ? '' : `; ${advice}`}`;
}

/** From the top of the file to its end. */
export function byPlace(a: StackProblem, b: StackProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** A stack file that is wrong: the message has a line for each of its errors. */
export class StackFileError extends ContractError {
  readonly problems: readonly StackProblem[];

  constructor(problems: readonly StackProblem[]) {
    super(problems.map((problem) => (problem.isLiteral ? problem.what : problemText(problem))).join('\n'));
    this.problems = problems;
  }
}
