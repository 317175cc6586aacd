import type { LogLine } from '../gateway/functions/log-source.ts';
import type { LogFields, Logger } from '../gateway/log.ts';
import type { DevOutput } from './output.ts';

/** What our watchdog itself writes has this before it; lines of functions have it only if they wrote it. */
const STAMP = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /;
/** What a watchdog says of a life in order. The gateway tells of calls. */
const ORDINARY =
  /^(?:Version: |Listening on port: |Started logging: |Forking[: ]|Taking process \d|Wrote \d+ Bytes|Duration: |SIGTERM: |No new connections allowed|Exiting\. Active|(?:[A-Z]+) \S* - \d{3}\b.* - ContentLength: |Warning: "suppress_lock"|prefork: the first of )/;

/** Log of the gateway in the words of a terminal: calls, and what is not as it should be. */
export function devLogger(output: DevOutput, { isVerbose }: { readonly isVerbose: boolean }): Logger {
  const warn = (message: string, fields: LogFields = {}): void => {
    // Whoever deployed it tells of that, with the reason.
    if (message !== 'a new version was taken back') problem(message, fields);
  };
  const problem = (message: string, fields: LogFields = {}): void => {
    const reason = reasonIn(fields);
    output.problem('skep', reason === '' ? message : `${message}: ${reason}`);
  };
  return {
    info: (message, fields) => {
      if (message === 'invocation') tellCall(output, fields ?? {});
      else if (isVerbose) output.function('skep', message);
    },
    warn,
    error: problem,
  };
}

/** A line of a function's log; those that only say that its watchdog lives are left out. */
export function tellLine(output: DevOutput, { name, instance, text }: LogLine, isVerbose: boolean): void {
  if (instance === '') {
    output.problem(name, text);
    return;
  }
  const own = text.replace(STAMP, '');
  if (!isVerbose && own !== text && (ORDINARY.test(own) || own.trim() === '')) return;
  output.function(name, own !== text ? own.replace(/^stderr: /, '') : text);
}

function tellCall(output: DevOutput, fields: LogFields): void {
  const { function: key, method, path, status, durationMs, error, isAsync } = fields;
  const [name = ''] = String(key).split('.');
  const took =
    typeof durationMs === 'number'
      ? `${durationMs < 10 ? durationMs.toFixed(1) : Math.round(durationMs)} ms`
      : '';
  const line = `${method} ${path === '' ? '/' : path} → ${status} ${isAsync === true ? 'accepted' : took}`;
  if (typeof status === 'number' && status >= 500)
    output.problem(name, error === undefined ? line : `${line}: ${error}`);
  else output.call(name, line);
}

function reasonIn({ error, reason, function: key, why }: LogFields): string {
  const text = error instanceof Error ? error.message : (error ?? reason ?? why);
  return [key, text].filter((part) => part !== undefined).join(': ');
}
