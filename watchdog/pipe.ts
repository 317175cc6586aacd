import { closeSync } from 'node:fs';
import { systemPipes } from './system-pipes.ts';

const system = systemPipes();
const pair = new Int32Array(2);

/** Two file descriptors; whoever opens a pipe closes both. No child inherits them by accident. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Opens a real pipe. `Bun.spawn` gives a process sockets, and a socket cannot be opened again: `echo x > /dev/stdout` and
 * `cat /dev/stdin` would fail.
 * @throws when no file descriptor is left
 */
export function openPipe(): Pipe {
  const isOpen = system.open(pair);
  const [readFd, writeFd] = pair;
  if (!isOpen || readFd === undefined || writeFd === undefined) {
    throw Object.assign(new Error('cannot open a pipe'), { code: 'EMFILE' });
  }
  return { readFd, writeFd };
}

/** A write that finds the pipe full waits in the event loop instead of stopping it. The other end is not affected. */
export function makeNonBlocking(fd: number): void {
  system.makeNonBlocking(fd);
}

/** Bytes in a pipe that nobody has read yet; 0 where that cannot be told. */
export function unreadBytes(fd: number): number {
  return system.unread(fd) ?? 0;
}

export function closePipe(pipe: Pipe): void {
  closeSync(pipe.readFd);
  closeSync(pipe.writeFd);
}
