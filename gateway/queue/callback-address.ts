// Which addresses a client may have the platform post to. Whoever is asked to call "any URL" is asked for what only the inside sees.

import { BlockList, isIP } from 'node:net';

/** What is never public: RFC 6890 and its successors. Docker's networks have their addresses of the private ones. */
const INTERNAL = [
  '0.0.0.0/8', // this host
  '10.0.0.0/8',
  '100.64.0.0/10', // carriers'; the metadata of one cloud
  '127.0.0.0/8',
  '168.63.129.16/32', // one cloud's host agent
  '169.254.0.0/16', // link-local; the metadata of most clouds
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4', // broadcast with them
  '::/96', // this host, loopback, and IPv4 in an old form
  '64:ff9b::/96', // IPv4 behind a translator
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23', // Teredo with them: IPv4 in a tunnel
  '2001:db8::/32',
  '2002::/16', // 6to4: the same
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

const NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** What an operator opens, see {@link parseCallbackAllow}. */
export interface CallbackAllow {
  readonly networks: BlockList;
  /** In lower case; with `*.` in front: all below that name. */
  readonly names: readonly string[];
}

export interface AddressRules {
  readonly allow: CallbackAllow;
  /** Networks of the platform, whatever addresses they have, e.g. `11.0.0.0/24`. */
  readonly ownNetworks: readonly string[];
}

/**
 * @param text addresses, networks and names by commas, e.g. `192.168.7.0/24,hooks.internal,*.corp.example`
 * @throws {Error} with what is wrong with it
 */
export function parseCallbackAllow(text: string): CallbackAllow {
  const networks = new BlockList();
  const names: string[] = [];
  for (const part of text.split(',')) {
    const entry = part.trim().toLowerCase();
    if (entry === '') continue;
    if (isNetwork(entry)) addNetwork(networks, entry);
    else if (NAME.test(entry) && !/^[\d.]+$/.test(entry)) names.push(entry);
    else throw new Error(`${part.trim()} is no address, network (such as 192.168.7.0/24) or name of a host`);
  }
  return { networks, names };
}

/** Decides by address, and by name only where the operator has said so. */
export class CallbackAddresses {
  readonly #internal = new BlockList();
  readonly #allow: CallbackAllow;

  constructor({ allow, ownNetworks }: AddressRules) {
    this.#allow = allow;
    for (const network of [...INTERNAL, ...ownNetworks]) addNetwork(this.#internal, network);
  }

  /** Whether all addresses of this name may be called. @param host as in a URL, without brackets */
  isNameAllowed(host: string): boolean {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.#allow.names.some((allowed) =>
      allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) : name === allowed,
    );
  }

  /** @param address IPv4 or IPv6. What is neither is refused. */
  isAllowed(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain);
    if (version === 0) return false;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    return this.#allow.networks.check(plain, family) || !this.#internal.check(plain, family);
  }

  /**
   * Whether a URL's host is one that can be refused without asking what addresses it has.
   * @param host as `URL.hostname` has it: IPv6 in brackets, IPv4 in its plain form
   */
  isRefusedLiteral(host: string): boolean {
    const address = host.replace(/^\[|\]$/g, '');
    if (isIP(address) !== 0) return !this.isAllowed(address);
    const name = address.toLowerCase().replace(/\.$/, '');
    return (name === 'localhost' || name.endsWith('.localhost')) && !this.isNameAllowed(name);
  }
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function addNetwork(list: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const isV4 = isIP(address) === 4;
  list.addSubnet(address, bits === undefined ? (isV4 ? 32 : 128) : Number(bits), isV4 ? 'ipv4' : 'ipv6');
}

/** IPv4 in the clothes of IPv6 is IPv4, and a zone is no part of an address. */
function plainAddress(address: string): string {
  const [bare = ''] = address.split('%');
  if (isIP(bare) !== 6) return bare;
  // The URL parser writes each address in one way.
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${bare}]/`).hostname);
  if (mapped === null) return bare;
  const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
