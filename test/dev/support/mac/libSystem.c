// Stands for macOS's libSystem.B.dylib on Linux: the same calls, with the numbers that macOS gives to requests.
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *value = va_arg(rest, void *);
  va_end(rest);
  switch (request) {
    case 0x20006601: return syscall(SYS_ioctl, fd, 0x5451UL, NULL);  // FIOCLEX
    case 0x8004667e: return syscall(SYS_ioctl, fd, 0x5421UL, value); // FIONBIO
    case 0x4004667f: return syscall(SYS_ioctl, fd, 0x541bUL, value); // FIONREAD
  }
  errno = ENOTTY;
  return -1;
}
