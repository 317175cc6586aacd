import { processShell } from './process-shell.ts';
import { run } from './program.ts';

// A reader that had enough (`skep list | head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.exitCode = await run(process.argv.slice(2), processShell());
