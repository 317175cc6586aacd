/** A finished span of one call. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: the trace begins here. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** What went wrong; empty: it failed, and nobody said why. Undefined: it did not. */
  readonly error: string | undefined;
}

const KIND_SERVER = 2;
const STATUS_UNSET = 0;
const STATUS_ERROR = 2;

/**
 * The body of an OTLP/HTTP request in JSON.
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function toOtlpJson(
  spans: readonly Span[],
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: toAttributes(resource) },
        scopeSpans: [{ scope, spans: spans.map(toOtlpSpan) }],
      },
    ],
  });
}

function toOtlpSpan(span: Span): unknown {
  const { error } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KIND_SERVER,
    startTimeUnixNano: toNanos(span.startMs),
    endTimeUnixNano: toNanos(span.endMs),
    attributes: toAttributes(span.attributes),
    status:
      error === undefined
        ? { code: STATUS_UNSET }
        : { code: STATUS_ERROR, ...(error !== '' && { message: error }) },
  };
}

/** In text, since a number would lose its last digits; the clock has microseconds. */
function toNanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function toAttributes(values: Readonly<Record<string, string | number>>): unknown[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}
