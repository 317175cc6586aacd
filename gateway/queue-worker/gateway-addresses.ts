import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { UpstreamAddress } from '../../http1/types.ts';

/** How long what a name stands for is believed. */
const BELIEVED_MS = 5000;

/**
 * Where the gateways are, asked again and again: a name stands for as many addresses as there are gateways, and for others when they
 * were replaced. The runtime itself remembers a name for half a minute, and takes the first of its addresses.
 */
export class GatewayAddresses {
  readonly #hostname: string;
  readonly #port: number;
  #addresses: readonly (UpstreamAddress & { readonly hostname: string })[] = [];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor({ hostname, port }: { readonly hostname: string; readonly port: number }) {
    this.#hostname = hostname;
    this.#port = port;
    if (isIP(hostname) > 0) {
      this.#addresses = [{ hostname, port }];
      this.#askedAtMs = Number.POSITIVE_INFINITY;
    }
  }

  /** One of them. @throws {Error} when the name stands for none */
  async pick(): Promise<UpstreamAddress> {
    if (performance.now() - this.#askedAtMs > BELIEVED_MS) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      // Nobody waits where there is something to go by.
      if (this.#addresses.length === 0) await this.#asking;
      else this.#asking.catch(() => undefined);
    }
    const address = this.#addresses[Math.floor(Math.random() * this.#addresses.length)];
    if (address === undefined) throw new Error(`${this.#hostname} has no address`);
    return address;
  }

  /** Nobody was there: what is believed is asked again. */
  failed(address: UpstreamAddress): void {
    if (this.#askedAtMs === Number.POSITIVE_INFINITY) return;
    this.#addresses = this.#addresses.filter((one) => one !== address);
    this.#askedAtMs = Number.NEGATIVE_INFINITY;
  }

  async #ask(): Promise<void> {
    const found = await lookup(this.#hostname, { all: true });
    const before = this.#addresses;
    // The same object for the same address: the pool knows its connections by them.
    this.#addresses = found.map(
      ({ address }) =>
        before.find(({ hostname }) => hostname === address) ?? { hostname: address, port: this.#port },
    );
    this.#askedAtMs = performance.now();
  }
}
