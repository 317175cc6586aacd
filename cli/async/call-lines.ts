import type { CallAnswer, CallAttempt, CallStatus, DeadCall } from '../../contract/call-status.ts';

/** One line each, heading first. */
export function callTable(calls: readonly CallStatus[]): string[] {
  return table(
    ['Id', 'Status', 'Function', 'Attempt', 'Accepted', 'Ended'],
    calls.map((call) => [
      call.id,
      call.status,
      call.function,
      String(call.attempt),
      toSecond(call.acceptedAt),
      call.endedAt === undefined ? '' : toSecond(call.endedAt),
    ]),
  );
}

export function deadTable(calls: readonly DeadCall[]): string[] {
  return table(
    ['Id', 'Function', 'Died', 'Reason'],
    calls.map((call) => [call.id, call.function, toSecond(call.diedAt), oneLine(call.reason)]),
  );
}

export function callDetails(call: CallStatus): string[] {
  return details([
    ['Id', call.id],
    ['Status', call.status],
    ['Reason', call.reason],
    ['Function', call.function],
    ['Chain', call.chain?.join(', ')],
    ['Queue', call.queue],
    ['Accepted', call.acceptedAt],
    ['Attempt', call.attempt === 0 ? undefined : String(call.attempt)],
    ['Running since', call.startedAt],
    ['Not before', call.nextAt],
    ['Ended', call.endedAt],
    ['Answer', call.answer && answerLine(call.answer)],
    ['Callback', call.callback && [call.callback.url, call.callback.state].filter(Boolean).join(', ')],
    ['Attempts', attemptLines(call.attempts)],
  ]);
}

export function deadDetails(call: DeadCall): string[] {
  return details([
    ['Id', call.id],
    ['Status', 'dead'],
    ['Reason', call.reason],
    ['Function', call.function],
    ['Queue', call.queue],
    ['Path', call.path],
    ['Accepted', call.acceptedAt],
    ['Died', call.diedAt],
    ['Answer', call.answer && answerLine(call.answer)],
    ['Attempts', attemptLines(call.attempts)],
    ['Answer begins', call.answerStart === undefined ? undefined : `\n${printable(call.answerStart)}`],
  ]);
}

function details(rows: readonly (readonly [string, string | undefined])[]): string[] {
  return rows.flatMap(([name, value]) =>
    value === undefined || value === ''
      ? []
      : [value.startsWith('\n') ? `${name}:${value}` : `${`${name}:`.padEnd(16)}${value}`],
  );
}

function attemptLines(attempts: readonly CallAttempt[]): string {
  return attempts
    .map((each) => {
      const how = [each.status === undefined ? undefined : `status ${each.status}`, each.error];
      const told = how.filter((part) => part !== undefined).join(': ');
      return `\n  ${each.startedAt}  ${each.function} #${each.attempt}  ${each.seconds.toFixed(3)}s  ${oneLine(told)}`;
    })
    .join('');
}

function answerLine({ status, bytes, contentType, isKept }: CallAnswer): string {
  const parts = [`status ${status}`, `${bytes} bytes`, contentType, isKept ? undefined : 'body not kept'];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** Columns as wide as what is in them, the last one open. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((text, column) => (column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** `2026-01-31T12:00:00Z` */
function toSecond(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/** A terminal would act on control characters. */
function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, '?');
}
