import { lastLines, runCommand } from '../shell/run-command.ts';

/** A registry that says nothing for so long is taken as absent. */
const SILENCE_LIMIT_MS = 20_000;

/**
 * Pulls an image. A registry that answers may take as long as it goes on sending; one that is silent is given up.
 * @returns undefined when the image is there now, otherwise the reason in a line
 */
export async function pullImage(name: string): Promise<string | undefined> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  let timer = setTimeout(abort, SILENCE_LIMIT_MS);
  try {
    const result = await runCommand(['docker', 'pull', name], {
      signal: giveUp.signal,
      onOutput: () => {
        clearTimeout(timer);
        timer = setTimeout(abort, SILENCE_LIMIT_MS * 6);
      },
    });
    if (result.exitCode === 0) return undefined;
    if (giveUp.signal.aborted) return 'the registry did not answer';
    return lastLines(result.stderr, 1)
      .trim()
      .replace(/^Error response from daemon: /, '');
  } finally {
    clearTimeout(timer);
  }
}
