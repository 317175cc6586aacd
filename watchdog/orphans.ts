import { dlopen, FFIType, ptr } from 'bun:ffi';

const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
/** Of `si_pid` in `siginfo_t`, on every 64-bit Linux. */
const PID_OFFSET = 4;
const INTERVAL_MS = 1000;

/**
 * As the first process of a container without an init the watchdog inherits every child that its processes leave behind.
 * Those that have ended are buried, so that the container does not run out of processes.
 * @param isOwn whether it was started by the watchdog itself, which waits for it elsewhere
 */
export function buryOrphans(isOwn: (pid: number) => boolean): void {
  // The name holds for glibc and for musl, whose loader takes it for itself.
  const libc = dlopen('libc.so.6', {
    waitid: { args: [FFIType.i32, FFIType.u32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
    waitpid: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  });
  const info = new Int32Array(32);
  setInterval(() => {
    for (;;) {
      info[PID_OFFSET] = 0;
      // Looked at and left where it is: taking an own one's status would be to steal it.
      if (libc.symbols.waitid(P_ALL, 0, ptr(info), WEXITED | WNOHANG | WNOWAIT) !== 0) return;
      const pid = info[PID_OFFSET] ?? 0;
      if (pid === 0 || isOwn(pid)) return;
      libc.symbols.waitpid(pid, null, WNOHANG);
    }
  }, INTERVAL_MS).unref();
}
