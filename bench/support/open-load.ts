/** What became of calls that were sent at a fixed rate, whatever the answers. */
export interface OpenLoadResult {
  readonly sentPerSecond: number;
  /** Answers of 200, and of 429 or 503. */
  readonly served: Latencies;
  readonly shed: Latencies;
  /** Other answers, broken connections, and calls that were never answered. */
  readonly failures: number;
  readonly mostConnections: number;
}

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TICK_MS = 2;
/** For the last answers. */
const LINGER_MS = 3000;

/** A client's connection with one call at a time. */
interface Line {
  readonly socket: Bun.Socket<Line>;
  /** When its call was due; undefined: it has none. */
  dueAt: number | undefined;
  received: string;
}

/** Sends GETs at a rate, each due at its own time: a slow answer delays no other call. */
export async function openLoad(
  url: string,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<OpenLoadResult> {
  const { hostname, port, pathname } = new URL(url);
  const message = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
  const idle: Line[] = [];
  const latencies = { served: [] as number[], shed: [] as number[] };
  let connections = 0;
  let mostConnections = 0;
  let failures = 0;
  let open = 0;

  const answered = (line: Line, status: number): void => {
    const ms = performance.now() - (line.dueAt ?? 0);
    line.dueAt = undefined;
    open--;
    if (status === 200) latencies.served.push(ms);
    else if (status === 429 || status === 503) latencies.shed.push(ms);
    else failures++;
  };
  const handlers: Bun.SocketHandler<Line> = {
    data: (socket, bytes) => {
      const line = socket.data;
      line.received += bytes.toString('latin1');
      const end = line.received.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(line.received)?.[1] ?? 0);
      if (line.received.length < end + 4 + length) return;
      answered(line, Number(line.received.slice(9, 12)));
      line.received = '';
      idle.push(line);
    },
    close: ({ data }) => {
      connections--;
      const at = idle.indexOf(data);
      if (at !== -1) idle.splice(at, 1);
      if (data.dueAt !== undefined) answered(data, 0);
    },
    connectError: () => {},
  };
  const send = (dueAt: number): void => {
    open++;
    const line = idle.pop();
    if (line !== undefined) {
      line.dueAt = dueAt;
      line.socket.write(message);
      return;
    }
    mostConnections = Math.max(mostConnections, ++connections);
    Bun.connect<Line>({
      hostname,
      port: Number(port),
      socket: {
        ...handlers,
        open: (socket) => {
          socket.data = { socket, dueAt, received: '' };
          socket.write(message);
        },
      },
    }).catch(() => {
      connections--;
      open--;
      failures++;
    });
  };

  const startedAt = performance.now();
  const count = perSecond * seconds;
  for (let sent = 0; sent < count; ) {
    const now = performance.now();
    for (; sent < count && startedAt + (sent * 1000) / perSecond <= now; sent++) {
      send(startedAt + (sent * 1000) / perSecond);
    }
    await Bun.sleep(TICK_MS);
  }
  const sentFor = (performance.now() - startedAt) / 1000;
  for (let waited = 0; open > 0 && waited < LINGER_MS; waited += 50) await Bun.sleep(50);
  failures += open;
  for (const { socket } of idle) socket.terminate();
  return {
    sentPerSecond: count / sentFor,
    served: summary(latencies.served),
    shed: summary(latencies.shed),
    failures,
    mostConnections,
  };
}

function summary(values: number[]): Latencies {
  const sorted = values.sort((a, b) => a - b);
  const at = (rank: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * rank))] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
