import { spawnSync } from 'node:child_process';

/** Run as a macro: the commit at the moment of compiling, or the empty string outside a git checkout. */
export function currentCommit(): string {
  const git = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : '';
}
