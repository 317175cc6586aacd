import type { VersionInfo } from '../../../contract/function-types.ts';
import type { HealthCheck, HealthReport, HealthStatus } from '../../../contract/health.ts';

/** Looks at one thing. Resolves with what it found in a few words; rejects with why it is not well. */
export type Look = (signal: AbortSignal) => Promise<string>;

export interface HealthChecksOptions {
  /** What the gateway cannot work without. */
  readonly needed: Readonly<Record<string, Look>>;
  /** What it works without, though less well. */
  readonly wanted: Readonly<Record<string, Look>>;
  /** When the cluster was last read successfully; undefined: never. */
  readonly lastRead: () => Date | undefined;
  readonly version: VersionInfo;
  /** Longest look, default 2000. */
  readonly limitMs?: number;
}

/** The table is read every second: older than this, something keeps the gateway from it. */
const STALE_MS = 30_000;

/**
 * The health of all that the gateway works with. All looks run side by side, each within the limit; whoever asks while
 * they run gets the same report, so that many askers are no load.
 * @returns a function that resolves always
 */
export function createHealthChecks(options: HealthChecksOptions): () => Promise<HealthReport> {
  const limitMs = options.limitMs ?? 2000;
  let running: Promise<HealthReport> | undefined;

  const run = async (): Promise<HealthReport> => {
    const [needed, wanted] = await Promise.all([
      lookAtAll(options.needed, limitMs),
      lookAtAll(options.wanted, limitMs),
    ]);
    const readAt = options.lastRead();
    const ageMillis = readAt === undefined ? undefined : Math.max(0, Date.now() - readAt.getTime());
    return {
      status: toStatus({ needed, wanted, ageMillis }),
      version: options.version,
      checks: { ...needed, ...wanted },
      table: {
        ...(readAt !== undefined && { readAt: readAt.toISOString() }),
        ...(ageMillis !== undefined && { ageMillis }),
      },
    };
  };
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

type Checks = Readonly<Record<string, HealthCheck>>;

function toStatus(found: { needed: Checks; wanted: Checks; ageMillis: number | undefined }): HealthStatus {
  const areWell = (checks: Checks): boolean => Object.values(checks).every(({ ok }) => ok);
  // Without a table no function is known, so that none can be called.
  if (!areWell(found.needed) || found.ageMillis === undefined) return 'down';
  return areWell(found.wanted) && found.ageMillis <= STALE_MS ? 'ok' : 'degraded';
}

async function lookAtAll(looks: Readonly<Record<string, Look>>, limitMs: number): Promise<Checks> {
  return Object.fromEntries(
    await Promise.all(
      Object.entries(looks).map(async ([name, look]) => [name, await lookAt(look, limitMs)] as const),
    ),
  );
}

async function lookAt(look: Look, limitMs: number): Promise<HealthCheck> {
  const startedAt = performance.now();
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs / 1000} s`)), limitMs);
  });
  const millis = (): number => Math.round(performance.now() - startedAt);
  try {
    const detail = await Promise.race([look(over.signal), silence]);
    return { ok: true, detail, millis: millis() };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error), millis: millis() };
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
