/** An IPv4 network. */
export interface Subnet {
  /** First address as a number. */
  readonly first: number;
  /** Last address as a number. */
  readonly last: number;
}

/** Parses `10.20.0.0/16`, or an address alone; undefined for anything else (`default`, IPv6). */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1, 5).map(Number);
  const prefix = match[5] === undefined ? 32 : Number(match[5]);
  if (prefix > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const address = bytes.reduce((number, byte) => number * 256 + byte, 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

/**
 * The first private /16 that overlaps nothing in use.
 * @param used networks and routes, as text; what is no IPv4 network is passed over
 * @returns e.g. `10.96.0.0/16`, or undefined when all are taken
 */
export function freeSubnet(used: readonly string[]): string | undefined {
  const taken = used.map(parseSubnet).filter((subnet) => subnet !== undefined);
  // Swarm hands out its own networks from 10.0.0.0 upwards: begin well above.
  const candidates = [
    ...Array.from({ length: 156 }, (_, index) => `10.${index + 96}.0.0/16`),
    ...Array.from({ length: 12 }, (_, index) => `172.${index + 20}.0.0/16`),
  ];
  return candidates.find((candidate) => {
    const wanted = parseSubnet(candidate);
    return (
      wanted !== undefined && taken.every(({ first, last }) => last < wanted.first || first > wanted.last)
    );
  });
}
