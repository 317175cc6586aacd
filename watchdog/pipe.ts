import { dlopen, FFIType, ptr } from 'bun:ffi';
import { closeSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
const FIONREAD = 0x541b;

// The name holds for glibc and for musl, whose loader takes it for itself.
const libc = dlopen('libc.so.6', {
  pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
});
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
  const isOpen = libc.symbols.pipe2(ptr(pair), O_CLOEXEC) === 0;
  const [readFd, writeFd] = pair;
  if (!isOpen || readFd === undefined || writeFd === undefined) {
    throw Object.assign(new Error('cannot open a pipe'), { code: 'EMFILE' });
  }
  return { readFd, writeFd };
}

/** A write that finds the pipe full waits in the event loop instead of stopping it. The other end is not affected. */
export function makeNonBlocking(fd: number): void {
  libc.symbols.fcntl(fd, F_SETFL, O_NONBLOCK);
}

/** Bytes in a pipe that nobody has read yet; 0 where that cannot be told. */
export function unreadBytes(fd: number): number {
  const count = new Int32Array(1);
  return libc.symbols.ioctl(fd, FIONREAD, ptr(count)) === 0 ? (count[0] ?? 0) : 0;
}

export function closePipe(pipe: Pipe): void {
  closeSync(pipe.readFd);
  closeSync(pipe.writeFd);
}
