import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../log.ts';
import { pause } from '../queue/pause.ts';
import type { AlertNews } from '../scaling/alert-memory.ts';
import type { FunctionLoad, GatewayLoad } from '../scaling/function-load.ts';
import {
  decodeGatewayMessage,
  encodeGatewayMessage,
  functionsPerMessage,
  type GatewayMessage,
} from '../scaling/gateway-message.ts';
import type { Gateways, ScalingRole, SharedAlerts } from '../scaling/gateways.ts';
import { LoadExchange } from '../scaling/load-exchange.ts';
import { Lease } from './lease.ts';
import { LeaseBucket } from './lease-bucket.ts';
import type { NatsLink } from './nats-link.ts';

export interface NatsGatewaysOptions {
  readonly link: NatsLink;
  /** Gateways of one name serve one cluster. Letters, digits, `_` and `-`. */
  readonly cluster: string;
  /** Of this gateway in this run: no other one has ever had it. */
  readonly id: string;
  readonly logger: Logger;
}

/** How often the lease is looked at, and renewed. */
const LOOK_MS = 500;
const ANSWER_MS = 1000;
/** A leader that is gone is followed by another one after `EXPIRES_MS` and two looks; one that is cut off stops well before. */
const EXPIRES_MS = 3000;
const BELIEVED_MS = 2000;
/** How long no look may succeed before the others are out of reach; longer when none ever has. */
const AWAY_MS = 1500;
const FIRST_AWAY_MS = 5000;
/** How long others have to tell what they have, when NATS is back. */
const SETTLES_MS = 1500;
const LONGEST_SETTLING_MS = 10_000;
/** A loop that does not come round any more is no leader. */
const STALLED_MS = 10_000;
const MOST_BYTES = 256 * 1024;
const COMPLAINT_EVERY_MS = 60_000;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Several gateways on one NATS: all tell all others what they have, and one of them holds a lease. */
export class NatsGateways implements Gateways, SharedAlerts {
  readonly #options: NatsGatewaysOptions;
  readonly #subject: string;
  readonly #lease: Lease;
  readonly #exchange: LoadExchange;
  readonly #stopping = new AbortController();
  readonly #looping: Promise<void>;
  /** Ends the wait before the next look. */
  #hurry: () => void = () => undefined;

  /** Others that were there when NATS was last seen to work, and of these those that have not told all they have since it is back. */
  #known = new Set<string>();
  readonly #missed = new Set<string>();
  #connectedAtMs = Number.NEGATIVE_INFINITY;
  #exchangedAtMs = Number.NEGATIVE_INFINITY;
  /** Since when no look at the lease succeeds. */
  #failingSinceMs: number | undefined;
  #hasAgreed = false;
  #isResigned = false;

  #onShared: (news: AlertNews) => void = () => undefined;
  #toldRole: ScalingRole | undefined;
  #lastRole: ScalingRole = 'follows';
  #isTroubleTold = false;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: NatsGatewaysOptions) {
    this.#options = options;
    const { link, cluster, id } = options;
    this.#exchange = new LoadExchange(id);
    this.#subject = `skep.${cluster}.loads`;
    this.#lease = new Lease({
      id,
      store: new LeaseBucket({ link, bucket: `${cluster}_leases`, key: 'scaling', timeoutMs: ANSWER_MS }),
      expiresMs: EXPIRES_MS,
      believedMs: BELIEVED_MS,
      now: () => performance.now(),
    });
    link.onConnection((connection) => this.#begin(connection));
    this.#looping = this.#loop();
  }

  get role(): ScalingRole {
    if (this.#isResigned) return 'follows';
    const now = performance.now();
    if (this.#lease.isHeld) return this.#hasHeardOthers(now) ? 'leads' : 'cut_off';
    const failingMs = this.#failingSinceMs === undefined ? 0 : now - this.#failingSinceMs;
    if (failingMs < (this.#hasAgreed ? AWAY_MS : FIRST_AWAY_MS)) return 'follows';
    return this.#known.size === 0 && !this.#isLedByAnother() ? 'leads' : 'cut_off';
  }

  get count(): number {
    return this.#exchange.others(performance.now()).length + 1;
  }

  exchange(own: ReadonlyMap<string, GatewayLoad>): ReadonlyMap<string, FunctionLoad> {
    const now = performance.now();
    this.#exchangedAtMs = now;
    const { connection } = this.#options.link;
    if (connection !== undefined) {
      const most = functionsPerMessage(Math.min(connection.info?.max_payload ?? MOST_BYTES, MOST_BYTES));
      for (const message of this.#exchange.tell(own, most)) this.#publish(message);
    }
    return this.#exchange.sum(own, now);
  }

  share(news: AlertNews): void {
    this.#publish({ id: this.#options.id, kind: 'alerts', news });
  }

  onShared(listener: (news: AlertNews) => void): void {
    this.#onShared = listener;
  }

  async resign(): Promise<void> {
    if (this.#isResigned) return;
    this.#isResigned = true;
    const isTold = this.#lease.resign().catch((error: Error) => {
      this.#options.logger.warn('the lease was not given back: it expires', { reason: error.message });
    });
    await Promise.race([isTold, pause(2 * ANSWER_MS)]);
  }

  async stop(): Promise<void> {
    await this.resign();
    this.#stopping.abort();
    this.#hurry();
    await Promise.race([this.#looping, pause(2 * ANSWER_MS)]);
    this.#publish({ id: this.#options.id, kind: 'bye' });
  }

  #begin(connection: NatsConnection): void {
    this.#connectedAtMs = performance.now();
    this.#missed.clear();
    for (const id of this.#known) this.#missed.add(id);
    this.#exchange.beginAnew();
    connection.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error === null) this.#hear(message.data);
        else this.#complain('the other gateways cannot be heard', error);
      },
    });
    this.#hurry();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#look();
      this.#tellRole();
      if (!signal.aborted) await this.#rest();
    }
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #look(): Promise<void> {
    const beganMs = performance.now();
    // Who does not scale does not hold what it takes to.
    if (this.#isResigned || beganMs - this.#exchangedAtMs > STALLED_MS) return;
    try {
      await this.#lease.step();
      this.#failingSinceMs = undefined;
      this.#hasAgreed = true;
      const now = performance.now();
      if (now - this.#connectedAtMs >= LONGEST_SETTLING_MS) this.#missed.clear();
      this.#known = new Set(this.#exchange.others(now));
      for (const id of this.#missed) this.#known.add(id);
      this.#tellTrouble(undefined);
    } catch (error) {
      this.#failingSinceMs ??= beganMs;
      if (this.#options.link.connection !== undefined) this.#tellTrouble(error as Error);
    }
  }

  #hasHeardOthers(now: number): boolean {
    const connectedMs = now - this.#connectedAtMs;
    return connectedMs >= SETTLES_MS && (this.#missed.size === 0 || connectedMs >= LONGEST_SETTLING_MS);
  }

  #isLedByAnother(): boolean {
    const { holder } = this.#lease;
    return holder !== '' && holder !== this.#options.id;
  }

  #publish(message: GatewayMessage): void {
    const { connection } = this.#options.link;
    try {
      connection?.publish(this.#subject, encodeGatewayMessage(message));
    } catch (error) {
      // The connection is about to end, which is told then.
      if (connection?.isClosed() === false) this.#complain('the other gateways cannot be told', error);
    }
  }

  #hear(data: Uint8Array): void {
    try {
      const message = decodeGatewayMessage(UTF8.decode(data));
      if (message.id !== this.#options.id) this.#take(message);
    } catch (error) {
      this.#complain(`what came on ${this.#subject} is from no gateway of this version`, error);
    }
  }

  #take(message: GatewayMessage): void {
    const now = performance.now();
    const { id } = message;
    switch (message.kind) {
      case 'bye':
        this.#exchange.leave(id);
        this.#missed.delete(id);
        this.#known.delete(id);
        // It has given the lease back, where it had it.
        this.#hurry();
        return;
      case 'alerts':
        this.#onShared(message.news);
        break;
      default:
        if (this.#exchange.hear(message, now)) this.#missed.delete(id);
    }
    this.#known.add(id);
  }

  #tellRole(): void {
    const { role } = this;
    const isLasting = role === this.#lastRole;
    this.#lastRole = role;
    if (!isLasting || role === this.#toldRole || this.#isResigned) return;
    // Waits for the others to tell what they have.
    if (role === 'cut_off' && this.#lease.isHeld) return;
    const { logger } = this.#options;
    const gateways = this.count;
    if (role === 'leads') logger.info('this gateway scales the functions', { gateways });
    else if (role === 'cut_off') {
      logger.warn('the other gateways are out of reach: replicas are added where needed, and none removed');
    } else if (this.#isLedByAnother()) {
      logger.info('another gateway scales the functions', { gateway: this.#lease.holder, gateways });
    } else return;
    this.#toldRole = role;
  }

  #tellTrouble(error: Error | undefined): void {
    if (this.#isTroubleTold === (error !== undefined)) return;
    const { logger } = this.#options;
    if (error === undefined) logger.info('the gateways agree again on which of them scales');
    else if (performance.now() - (this.#failingSinceMs ?? 0) < AWAY_MS) return;
    else {
      logger.error('the gateways cannot agree on which of them scales: NATS must have JetStream on', {
        reason: error.message,
      });
    }
    this.#isTroubleTold = error !== undefined;
  }

  #complain(what: string, error: unknown): void {
    const now = performance.now();
    if (now - this.#complainedAtMs < COMPLAINT_EVERY_MS) return;
    this.#complainedAtMs = now;
    this.#options.logger.warn(what, { reason: (error as Error).message });
  }
}
