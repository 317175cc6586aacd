/**
 * Makes sure that nobody else listens where the workers are to listen: they share the port, and by themselves would share it
 * with another gateway, too.
 * @param port 0 picks a free one
 * @returns the port
 * @throws {Error} one sentence that names the port and the reason
 */
export function claimPort(hostname: string, port: number): number {
  try {
    const probe = Bun.listen({ hostname, port, socket: { data: () => {} } });
    probe.stop(true);
    return probe.port;
  } catch (cause) {
    const { code } = cause as { code?: string };
    const reason =
      code === 'EADDRINUSE'
        ? 'another program listens on it'
        : code === 'EACCES'
          ? 'this user may not listen on it'
          : (cause as Error).message;
    throw new Error(`port ${port} of ${hostname} cannot be had: ${reason}`, { cause });
  }
}
