import { currentCommit } from './build-facts.ts' with { type: 'macro' };

/** The commit this executable was compiled from. */
export const COMMIT: string = currentCommit();
