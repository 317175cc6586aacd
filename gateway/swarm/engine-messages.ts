/** One message of the engine's progress stream. */
export interface EngineMessage {
  readonly lines: readonly string[];
  readonly error?: string;
  /** Of the image that was built: `sha256:…` */
  readonly imageId?: string;
  /** BuildKit's progress, in base64 of its own encoding. */
  readonly trace?: string;
}

/** Longest message that is put together: a build may print a line without end. */
const MOST_PENDING_CHARS = 4 * 1024 * 1024;

/** The messages of a build, pull or push, one JSON object a line. Ends quietly when `signal` aborts. */
export async function* readMessages(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
): AsyncGenerator<EngineMessage> {
  const decoder = new TextDecoder();
  let rest = '';
  const close = (): void => {
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  };
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const chunk of stream) {
      const lines = (
        rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
      ).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MOST_PENDING_CHARS) throw new Error('the engine sent a message without end');
      for (const line of lines) if (line.trim() !== '') yield parseMessage(line);
    }
    if (rest.trim() !== '') yield parseMessage(rest);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', close);
  }
}

/** Reads one message; what is no JSON is taken as a line of text. */
function parseMessage(line: string): EngineMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { lines: [line.trim()] };
  }
  if (typeof value !== 'object' || value === null) return { lines: [] };
  const { stream, status, id, error, errorDetail, aux, progressDetail } = value as Record<string, unknown>;
  if (id === 'moby.buildkit.trace' && typeof aux === 'string') return { lines: [], trace: aux };
  if (error !== undefined || errorDetail !== undefined) {
    const detail = (errorDetail as { message?: unknown } | undefined)?.message;
    return { lines: [], error: String(detail ?? error) };
  }
  const imageId = (aux as { ID?: unknown } | undefined)?.ID;
  return {
    lines: toLines({ stream, status, id, progressDetail }),
    ...(typeof imageId === 'string' && { imageId }),
  };
}

function toLines(message: Readonly<Record<string, unknown>>): string[] {
  const { stream, status, id, progressDetail } = message;
  if (typeof stream === 'string') {
    // A carriage return rewrites a terminal's line: the last writing stands.
    const lines = stream.split('\n').map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '');
    return lines.filter((line) => line.trim() !== '');
  }
  if (typeof status !== 'string') return [];
  // Of each layer a push or pull tells every chunk; the steps between say nothing in a log.
  const isStep = typeof progressDetail === 'object' && progressDetail !== null && 'current' in progressDetail;
  if (isStep) return [];
  return [typeof id === 'string' ? `${id}: ${status}` : status];
}
