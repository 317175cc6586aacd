import { FaasError } from '../errors.ts';
import type { DrainTimes, FromWorker, ToldFailure, ToWorker } from './messages.ts';

export interface ControlChannelOptions {
  readonly onBegin: (message: ToWorker & { readonly kind: 'begin' }) => void;
  readonly onChanges: (message: ToWorker & { readonly kind: 'changes' }) => void;
  /** Fresh counts are wanted. */
  readonly onCount: (id: number) => void;
  readonly onDrain: (times: DrainTimes) => void;
  /** The control process has ended, or has let go of this one. */
  readonly onLost: () => void;
}

/** A worker's end of the channel to the control process. */
export class ControlChannel {
  readonly #waking = new Map<number, (failure: ToldFailure | undefined) => void>();
  #lastId = 0;
  readonly #send: (message: FromWorker) => void;

  /** @throws {Error} when this process was not started by a gateway */
  constructor(options: ControlChannelOptions) {
    const send = process.send?.bind(process);
    if (send === undefined) {
      throw new Error('a worker is started by the gateway, not by hand: start it without an argument');
    }
    this.#send = (message) => {
      // Nobody is there to be told once it is lost, and that is told by itself.
      if (process.connected) send(message);
    };
    process.on('message', (message: ToWorker) => {
      switch (message.kind) {
        case 'begin':
          options.onBegin(message);
          break;
        case 'changes':
          options.onChanges(message);
          break;
        case 'sync':
          this.#send({ kind: 'done', id: message.id });
          break;
        case 'count':
          options.onCount(message.id);
          break;
        case 'woken':
          this.#waking.get(message.id)?.(message.failure);
          break;
        case 'drain':
          options.onDrain(message);
          break;
      }
    });
    process.on('disconnect', options.onLost);
    this.#send({ kind: 'hello' });
  }

  send(message: FromWorker): void {
    this.#send(message);
  }

  /**
   * Asks for the first replicas of a function. Resolves when the cluster has accepted it.
   * @throws {FaasError | Error} what the control process met with
   */
  wake(key: string): Promise<void> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waking.set(id, (failure) => {
        this.#waking.delete(id);
        if (failure === undefined) resolve();
        else if (failure.code === undefined) reject(new Error(failure.message));
        else reject(new FaasError(failure.code, failure.message));
      });
      this.#send({ kind: 'wake', id, key });
    });
  }
}
