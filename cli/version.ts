import { VERSION as PROGRAM } from '../contract/version.ts';

export const VERSION = PROGRAM.release;
export const COMMIT = PROGRAM.sha;
export const USER_AGENT = `skep/${VERSION}`;
