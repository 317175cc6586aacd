import { readFileSync } from 'node:fs';

const TIME_WAIT = 0x06;

export interface SocketCount {
  /** To the port, from whoever called it: one for each connection, whatever its state but TIME_WAIT. */
  readonly to: number;
  /** Of either side, in TIME_WAIT. */
  readonly timeWait: number;
}

/** Counts TCP sockets of this machine by the port that was called, IPv4 and IPv6. */
export function countSockets(port: number): SocketCount {
  let to = 0;
  let timeWait = 0;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const [, local, remote, state] = line.trim().split(/\s+/);
      const isTo = portOf(remote) === port;
      if (!isTo && portOf(local) !== port) continue;
      if (Number.parseInt(state ?? '', 16) === TIME_WAIT) timeWait++;
      else if (isTo) to++;
    }
  }
  return { to, timeWait };
}

/** `0100007F:1F90` is port 8080. */
function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16);
}
