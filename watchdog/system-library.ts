/** The C library. The first name of Linux's holds for glibc and for musl, whose loader takes it for itself. */
export const SYSTEM_LIBRARY = process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6';
