import manifest from '../package.json' with { type: 'json' };
import type { VersionInfo } from './function-types.ts';

declare module 'bun' {
  interface Env {
    /** Written into the executables when they are compiled. */
    SKEP_COMMIT?: string;
  }
}

/** What this program was made from; `sha` is `source` when it was not compiled. */
export const VERSION: VersionInfo = {
  release: manifest.version,
  sha: process.env.SKEP_COMMIT ?? 'source',
};
