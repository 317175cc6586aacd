import { dlopen, FFIType, ptr } from 'bun:ffi';
import { SYSTEM_LIBRARY } from '../system-library.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

let library: ReturnType<typeof open> | undefined;

function open() {
  if (process.platform !== 'linux')
    throw new Error('mode zygote hands descriptors over as only Linux does: set mode to fork here');
  return dlopen(SYSTEM_LIBRARY, {
    socketpair: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    sendmsg: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i64 },
  });
}

/** Loaded with the first zygote: other modes run where there can be none. @throws {Error} on another system */
function libc(): ReturnType<typeof open>['symbols'] {
  library ??= open();
  return library.symbols;
}

/** Two connected Unix sockets that keep messages apart; whoever opens them closes both. No child inherits them by accident. */
export interface SocketPair {
  readonly ours: number;
  readonly theirs: number;
}

/** @throws when no file descriptor is left, or on a system without zygotes */
export function openSocketPair(): SocketPair {
  const pair = new Int32Array(2);
  const isOpen = libc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(pair)) === 0;
  const [ours, theirs] = pair;
  if (!isOpen || ours === undefined || theirs === undefined) {
    throw Object.assign(new Error('cannot open a socket'), { code: 'EMFILE' });
  }
  return { ours, theirs };
}

/**
 * Sends one message and copies of file descriptors with it (`SCM_RIGHTS`), without waiting.
 * @returns false when it was not sent: the other side has gone, or its queue is full
 */
export function sendWithDescriptors(socket: number, message: string, fds: readonly number[]): boolean {
  const data = Buffer.from(message);
  // The structures of a 64-bit Linux, little-endian; musl's differ in padding alone, which is zero.
  const control = Buffer.alloc(16 + Math.ceil((fds.length * 4) / 8) * 8);
  control.writeBigUInt64LE(BigInt(16 + fds.length * 4), 0); // cmsg_len
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  fds.forEach((fd, i) => {
    control.writeInt32LE(fd, 16 + i * 4);
  });
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(BigInt(ptr(data)), 0); // iov_base
  vector.writeBigUInt64LE(BigInt(data.length), 8); // iov_len
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(BigInt(ptr(vector)), 16); // msg_iov
  header.writeBigUInt64LE(1n, 24); // msg_iovlen
  header.writeBigUInt64LE(BigInt(ptr(control)), 32); // msg_control
  header.writeBigUInt64LE(BigInt(control.length), 40); // msg_controllen
  const sent = libc().sendmsg(socket, ptr(header), MSG_DONTWAIT | MSG_NOSIGNAL);
  return Number(sent) === data.length;
}
