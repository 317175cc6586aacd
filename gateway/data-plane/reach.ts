const TRIES = 2;

/**
 * Whether a connection to the address can be opened: it is refused, or not answered in time, twice in a row where nobody is.
 * Nothing is asked over it, since whoever is busy accepts connections as well. Never rejects.
 */
export async function canReach(
  address: { readonly hostname: string; readonly port: number },
  timeoutMs: number,
): Promise<boolean> {
  for (let attempt = 1; attempt <= TRIES; attempt++) if (await connects(address, timeoutMs)) return true;
  return false;
}

function connects(
  address: { readonly hostname: string; readonly port: number },
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, false);
    const told = (isThere: boolean): void => {
      clearTimeout(timer);
      resolve(isThere);
    };
    Bun.connect({
      ...address,
      socket: {
        open: (socket) => {
          socket.end();
          told(true);
        },
        data: () => {},
        connectError: () => told(false),
      },
    }).catch(() => told(false));
  });
}
