import type { HealthReport } from '../../contract/health.ts';
import type { Paint } from '../shell.ts';

/** The lines of `skep admin health`, heading first. */
export function healthTable({ checks, table }: HealthReport, paint: Paint): string[] {
  const entries = Object.entries(checks);
  const width = Math.max(10, ...entries.map(([name]) => name.length));
  const row = (name: string, state: string, millis: string, detail: string): string =>
    `${name.padEnd(width)}  ${state}  ${millis.padStart(8)}  ${detail}`.trimEnd();
  const toState = (ok: boolean): string => (ok ? paint.green('ok    ') : paint.red('failed'));
  return [
    row('CHECK', 'STATE ', 'TIME', 'DETAIL'),
    ...entries.map(([name, { ok, millis, detail, error }]) =>
      row(name, toState(ok), `${millis} ms`, oneLine((ok ? detail : error) ?? '')),
    ),
    table.ageMillis === undefined
      ? row('functions', toState(false), '', 'the cluster has not been read since the gateway started')
      : row('functions', toState(true), '', `the cluster was last read ${age(table.ageMillis)} ago`),
  ];
}

function age(millis: number): string {
  return millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
