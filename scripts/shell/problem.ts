/** A failure that the person at the terminal can do something about: what went wrong, and what to do. */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** One or more sentences that say what to do next. */
  readonly advice: string;

  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

/** How a script ends on a failure: a `Problem` as two short paragraphs, anything else with its stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof Problem) return `error: ${error.message}\n\n${error.advice}`;
  return `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
