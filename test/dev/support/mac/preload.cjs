// Tells a process that it is on a Mac, and hides what only Linux has. MAC_BUN is the program that it takes itself for.
const fs = require('node:fs');
const os = require('node:os');

Object.defineProperty(process, 'platform', { value: 'darwin' });
Object.defineProperty(process, 'execPath', { value: process.env['MAC_BUN'] });
os.platform = () => 'darwin';

// One address is free for who asks, though somebody listens on all of them. (Here he has to let others share the port.)
const listen = Bun.listen;
Bun.listen = (options) => listen({ ...options, reusePort: true });

const ofLinux = /^\/(?:proc|sys|dev\/shm)(?:\/|$)/;
const goneError = (path) =>
  Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT', path });

for (const holder of [fs, fs.promises]) {
  for (const [name, real] of Object.entries(holder)) {
    if (typeof real !== 'function' || /^[A-Z]/.test(name)) continue;
    holder[name] = function (...args) {
      if (!ofLinux.test(String(args[0]))) return real.apply(this, args);
      const error = goneError(args[0]);
      if (holder === fs.promises) return Promise.reject(error);
      const callback = args.at(-1);
      if (typeof callback !== 'function') throw error;
      setImmediate(callback, error);
    };
  }
}
