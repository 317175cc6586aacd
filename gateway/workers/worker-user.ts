import { chownSync } from 'node:fs';

/** Nobody's number, in the container and elsewhere: what belongs to it belongs to workers alone. */
const WORKER_USER = 62_080;

/**
 * Gives a file to the user that workers become. Does nothing where the gateway is not root, and workers are its user.
 * @throws {Error} when the container was forbidden to change owners, and most likely users, too
 */
export function giveToWorkers(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, WORKER_USER, WORKER_USER);
}

/**
 * Gives up root, for good: who reads what strangers send must not be able to open the engine's socket. Does nothing for another user.
 * @throws {Error} when the container was forbidden to change users
 */
export function becomeWorkerUser(): void {
  if (process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(WORKER_USER);
  process.setuid?.(WORKER_USER);
}
