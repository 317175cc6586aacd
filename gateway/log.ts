/** What a line tells beside its message. Never a credential, a secret's value or a body. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** One JSON object a line: `{"time":"<RFC 3339>","level":"info","message":"…",…fields}`. Default: to stdout. */
export function createLogger(write: (line: string) => void = writeStdout): Logger {
  const log =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      write(`${toLine({ time: new Date().toISOString(), level, message }, fields)}\n`);
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

/** The same, with these fields on every line. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return {
    info: (message, more) => logger.info(message, { ...fields, ...more }),
    warn: (message, more) => logger.warn(message, { ...fields, ...more }),
    error: (message, more) => logger.error(message, { ...fields, ...more }),
  };
}

function writeStdout(line: string): void {
  process.stdout.write(line);
}

function toLine(head: LogFields, fields: LogFields): string {
  try {
    return JSON.stringify({ ...head, ...fields }, toJson);
  } catch (error) {
    // Fields that hold themselves must not turn a line of the log into a failure.
    return JSON.stringify({ ...head, unreadableFields: (error as Error).message });
  }
}

function toJson(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describe(value);
  return typeof value === 'bigint' ? value.toString() : value;
}

function describe(error: Error): LogFields {
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause }),
  };
}
