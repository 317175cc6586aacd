import { dlopen, FFIType, ptr } from 'bun:ffi';
import { SYSTEM_LIBRARY } from './system-library.ts';

/** Pipes as the system has them. */
export interface SystemPipes {
  /** Writes two descriptors, which no child inherits. @returns false when there are none left */
  open(pair: Int32Array): boolean;
  makeNonBlocking(fd: number): void;
  /** Undefined: that cannot be told. */
  unread(fd: number): number | undefined;
}

export function systemPipes(): SystemPipes {
  return process.platform === 'darwin' ? macPipes() : linuxPipes();
}

function linuxPipes(): SystemPipes {
  const [O_CLOEXEC, O_NONBLOCK, F_SETFL, FIONREAD] = [0o2000000, 0o4000, 4, 0x541b];
  const { symbols } = dlopen(SYSTEM_LIBRARY, {
    pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  });
  return {
    open: (pair) => symbols.pipe2(ptr(pair), O_CLOEXEC) === 0,
    makeNonBlocking: (fd) => void symbols.fcntl(fd, F_SETFL, O_NONBLOCK),
    unread: (fd) => {
      const count = new Int32Array(1);
      return symbols.ioctl(fd, FIONREAD, ptr(count)) === 0 ? count[0] : undefined;
    },
  };
}

function macPipes(): SystemPipes {
  const [FIOCLEX, FIONBIO, FIONREAD] = [0x20006601, 0x8004667e, 0x4004667f];
  // The third argument of `ioctl` is one of a variable number. Apple's ARM passes those on the stack, others in registers: of which
  // there are eight, that are filled first.
  const padding = process.arch === 'arm64' ? [0, 0, 0, 0, 0, 0] : [];
  const library = dlopen(SYSTEM_LIBRARY, {
    pipe: { args: [FFIType.ptr], returns: FFIType.i32 },
    ioctl: {
      args: [FFIType.i32, FFIType.u64, ...padding.map(() => FFIType.u64), FFIType.ptr],
      returns: FFIType.i32,
    },
  });
  // How many arguments it has is known only here.
  const call = library.symbols.ioctl as unknown as (...args: readonly unknown[]) => number;
  const ioctl = (fd: number, request: number, value: Int32Array): boolean =>
    call(fd, request, ...padding, ptr(value)) === 0;
  const on = Int32Array.of(1);
  return {
    open: (pair) => library.symbols.pipe(ptr(pair)) === 0 && pair.every((fd) => ioctl(fd, FIOCLEX, on)),
    makeNonBlocking: (fd) => void ioctl(fd, FIONBIO, on),
    unread: (fd) => {
      const count = new Int32Array(1);
      return ioctl(fd, FIONREAD, count) ? count[0] : undefined;
    },
  };
}
