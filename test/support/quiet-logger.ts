import { createLogger, type Logger } from '../../gateway/log.ts';

/** A logger that keeps its lines. */
export function createQuietLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { logger: createLogger((line) => void lines.push(line)), lines };
}
