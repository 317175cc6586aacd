import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A shell command that makes something in a work folder. */
export interface Step {
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onLine: (line: string) => void;
}

const LAST_LINES_MS = 500;

/**
 * Its stdin is a pipe from us: when we are gone, however that came about, it ends, and the whole group of the step with it.
 * The command itself reads nothing.
 */
const GUARDED = `
exec 3<&0 </dev/null
{ read -r _ <&3; kill -9 0; } >/dev/null 2>&1 &
guard=$!
exec 3<&-
sh -c "$1"
code=$?
kill -9 $guard 2>/dev/null
exit $code
`;

/**
 * Runs a step; on `signal` it ends with all its processes.
 * @returns its exit code; 128 and more for one that was ended
 */
export function runStep({ command, cwd, env, onLine }: Step, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      resolve(137);
      return;
    }
    const child = spawn('sh', ['-c', GUARDED, 'sh', command], {
      cwd,
      env,
      detached: true, // a group of its own, of which all can be ended
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // ended already
      }
    };
    signal.addEventListener('abort', end, { once: true });
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
    child.stdin.on('error', () => {}); // it has ended
    child.on('error', reject);
    child.on('exit', (code) => {
      signal.removeEventListener('abort', end);
      const done = (): void => resolve(code ?? 137);
      child.on('close', done);
      // A process that it left behind may hold its output open for ever.
      setTimeout(done, LAST_LINES_MS);
    });
  });
}
