/** One write of a container, or the engine's own word that something of the log can not be read. */
export interface LogFrame {
  readonly kind: 'output' | 'engine_error';
  readonly text: string;
}

export interface FrameDecoder {
  /** Takes bytes cut anywhere, and gives the frames that they complete. @throws {Error} for what is no log stream */
  push(chunk: Uint8Array): LogFrame[];
}

/** Kind, three zeros, length of the payload as 32 bits. */
const HEADER_BYTES = 8;
const ENGINE_ERROR = 3;
/** The engine cuts lines at 16 KiB; far more than that is no frame. */
const MOST_FRAME_BYTES = 4 * 1024 * 1024;

/** Decodes the stream of a container without a terminal: stdout and stderr in frames. */
export function createFrameDecoder(): FrameDecoder {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let neededBytes = HEADER_BYTES;
  return {
    push: (chunk) => {
      pending.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      pendingBytes += chunk.byteLength;
      const frames: LogFrame[] = [];
      if (pendingBytes < neededBytes) return frames;
      const bytes = pending.length === 1 ? (pending[0] ?? Buffer.alloc(0)) : Buffer.concat(pending);
      let position = 0;
      neededBytes = HEADER_BYTES;
      while (bytes.length - position >= HEADER_BYTES) {
        const length = bytes.readUInt32BE(position + 4);
        const kind = bytes[position] ?? 0;
        if (kind > ENGINE_ERROR || length > MOST_FRAME_BYTES)
          throw new Error('the engine sent something that is no log');
        const end = position + HEADER_BYTES + length;
        if (end > bytes.length) {
          neededBytes = end - position;
          break;
        }
        frames.push({
          kind: kind === ENGINE_ERROR ? 'engine_error' : 'output',
          text: bytes.toString('utf8', position + HEADER_BYTES, end),
        });
        position = end;
      }
      // A copy: what is left of a chunk would keep the whole of it in memory.
      pending = position === bytes.length ? [] : [Buffer.from(bytes.subarray(position))];
      pendingBytes = bytes.length - position;
      return frames;
    },
  };
}

/** Decodes the stream of a container with a terminal: bare lines. */
export function createLineDecoder(): FrameDecoder {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    push: (chunk) => {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MOST_FRAME_BYTES) throw new Error('the engine sent a line without end');
      return lines.map((text) => ({ kind: 'output', text }));
    },
  };
}

/** A line as the engine writes it with `timestamps` and `details`. */
export interface TaskLine {
  readonly taskId: string;
  readonly timestamp: string;
  readonly text: string;
}

const TASK_ID = 'com.docker.swarm.task.id=';

/** Reads `TIMESTAMP KEY=VALUE,… TEXT`. @throws {Error} for anything else */
export function parseTaskLine(line: string): TaskLine {
  const [, timestamp, details, text] = /^(\d{4}-\S+) (\S*) ?([\s\S]*)$/.exec(line) ?? [];
  if (timestamp === undefined || details === undefined || text === undefined)
    throw new Error('the engine sent a log line without a time');
  const taskId = details.split(',').find((detail) => detail.startsWith(TASK_ID));
  return {
    timestamp,
    taskId: taskId?.slice(TASK_ID.length) ?? '',
    text: text.replace(/[\r\n]+$/, ''),
  };
}
