import type { Exchange } from '../../http1/types.ts';
import type { CallSpan, CallTracer, TracedCall } from '../data-plane/call-tracer.ts';
import type { Span } from './otlp.ts';
import { SpanExporter } from './span-exporter.ts';
import { formatTraceparent, parseTraceparent, randomId, type TraceParent } from './trace-context.ts';

const LONGEST_PATH = 300;
const SERVER_ERROR = 500;

export interface TracerOptions {
  /** Of the OTLP collector, e.g. `http://collector:4318`. */
  readonly endpoint: string;
  /** Which part of the calls that come without a trace is recorded. */
  readonly sample: number;
  readonly version: string;
  /** The number of this process among the gateway's workers. */
  readonly worker: number;
  readonly onHealth: (error: Error | undefined) => void;
  /** In [0, 1), for tests. */
  readonly random?: () => number;
}

/** Takes calls into traces and sends their spans to a collector. This module is loaded only where a collector is configured. */
export class Tracer implements CallTracer {
  readonly exporter: SpanExporter;
  readonly #sample: number;
  readonly #random: () => number;

  constructor({ endpoint, sample, version, worker, onHealth, random = Math.random }: TracerOptions) {
    const resource = {
      'service.name': 'skep-gateway',
      'service.version': version,
      'service.instance.id': `worker-${worker}`,
    };
    this.exporter = new SpanExporter({ endpoint, resource, version, onHealth });
    this.#sample = sample;
    this.#random = random;
  }

  /** What has become of the spans so far. */
  get spans(): { readonly exported: number; readonly dropped: number } {
    const { exported, dropped } = this.exporter;
    return { exported, dropped };
  }

  begin(exchange: Exchange): CallSpan | undefined {
    const text = exchange.header('traceparent');
    const parent = text === undefined ? undefined : parseTraceparent(text);
    // The caller's trace is not recorded: it is not ours to begin another.
    if (parent !== undefined && !parent.isSampled) return undefined;
    const own: TraceParent = {
      traceId: parent?.traceId ?? randomId(16),
      spanId: randomId(8),
      isSampled: parent !== undefined || this.#random() < this.#sample,
    };
    return new Recording(own, parent, this.exporter);
  }
}

class Recording implements CallSpan {
  readonly requestLines: string;
  readonly dropsState: boolean;
  readonly #own: TraceParent;
  readonly #parent: TraceParent | undefined;
  readonly #exporter: SpanExporter;

  constructor(own: TraceParent, parent: TraceParent | undefined, exporter: SpanExporter) {
    this.requestLines = `traceparent: ${formatTraceparent(own)}\r\n`;
    this.dropsState = parent === undefined;
    this.#own = own;
    this.#parent = parent;
    this.#exporter = exporter;
  }

  end(call: TracedCall): void {
    if (!this.#own.isSampled) return;
    this.#exporter.add(toSpan(this.#own, this.#parent, call));
  }
}

/** The span of a call: never its query, a body or a header's value. */
function toSpan(own: TraceParent, parent: TraceParent | undefined, call: TracedCall): Span {
  const path = call.target.split('?', 1)[0] ?? '';
  return {
    traceId: own.traceId,
    spanId: own.spanId,
    parentSpanId: parent?.spanId,
    name: `function ${call.key}`,
    startMs: call.startedAtMs,
    endMs: call.startedAtMs + call.durationMs,
    attributes: {
      'faas.name': call.key,
      'http.request.method': call.method.slice(0, LONGEST_PATH),
      'url.path': path.slice(0, LONGEST_PATH),
      'http.response.status_code': call.status,
      'skep.call_id': call.callId.slice(0, LONGEST_PATH),
      ...(call.replica !== undefined && { 'network.peer.address': call.replica }),
    },
    error: call.status >= SERVER_ERROR ? (call.error ?? '') : undefined,
  };
}
