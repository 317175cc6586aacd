import { createHash } from 'node:crypto';
import type { FunctionRef } from '../../../contract/function-ref.ts';

/** What the queue's streams, buckets and subjects are called. One NATS may serve several clusters, each by its name. */
export interface QueueNames {
  /** Calls and callbacks that wait to be run, until they are acknowledged. Subjects: {@link QueueNames.call}, {@link QueueNames.callback}. */
  readonly queue: string;
  /** Calls that are to be run later, until they are moved into the queue. */
  readonly later: string;
  /** Records of calls, with their results: the last one of each. */
  readonly records: string;
  /** The calls that idempotency keys stand for. */
  readonly keys: string;
  readonly dead: string;
  /** Object stores. */
  readonly bodies: string;
  readonly results: string;
  /** Key-value store: queues that workers serve or have served. */
  readonly queues: string;
  /** Key-value store: schedules and their last ticks. */
  readonly schedules: string;
  /** Key-value store of leases; the gateways' own one, too. */
  readonly leases: string;

  readonly allCalls: string;
  readonly allCallbacks: string;
  call(queue: string, ref: FunctionRef): string;
  callback(queue: string): string;
  readonly allLater: string;
  laterCall(queue: string, ref: FunctionRef): string;
  laterCallback(queue: string): string;
  readonly allRecords: string;
  record(id: string): string;
  /** How a call's callback fares: beside its record. */
  callbackRecord(id: string): string;
  readonly allKeys: string;
  key(text: string): string;
  readonly allDead: string;
  deadLetter(ref: FunctionRef): string;
  /** Core message, JSON `{id, instance}`: whoever runs the call ends it. */
  readonly cancel: string;
  /** Core message, JSON `{queue, function}`: there is a consumer for a function that had none. */
  readonly consumerMade: string;
  /** The durable consumer of one function's calls, and of one queue's callbacks. */
  consumer(queue: string, ref: FunctionRef): string;
  callbackConsumer(queue: string): string;
}

/** @param cluster letters, digits, `_` and `-` */
export function queueNames(cluster: string): QueueNames {
  const top = `skep.${cluster}`;
  const of = ({ name, namespace }: FunctionRef): string => `${namespace}.${name}`;
  return {
    queue: `${cluster}_queue`,
    later: `${cluster}_later`,
    records: `${cluster}_calls`,
    keys: `${cluster}_keys`,
    dead: `${cluster}_dead`,
    bodies: `${cluster}_bodies`,
    results: `${cluster}_results`,
    queues: `${cluster}_queues`,
    schedules: `${cluster}_schedules`,
    leases: `${cluster}_leases`,
    allCalls: `${top}.queue.>`,
    allCallbacks: `${top}.callback.*`,
    call: (queue, ref) => `${top}.queue.${queue}.${of(ref)}`,
    callback: (queue) => `${top}.callback.${queue}`,
    allLater: `${top}.later.>`,
    laterCall: (queue, ref) => `${top}.later.${queue}.${of(ref)}`,
    laterCallback: (queue) => `${top}.later.callback.${queue}`,
    allRecords: `${top}.call.>`,
    record: (id) => `${top}.call.${token(id)}`,
    callbackRecord: (id) => `${top}.call.${token(id)}.callback`,
    allKeys: `${top}.key.*`,
    key: (text) => `${top}.key.${digest(text)}`,
    allDead: `${top}.dead.>`,
    deadLetter: (ref) => `${top}.dead.${of(ref)}`,
    cancel: `${top}.cancel`,
    consumerMade: `${top}.consumer-made`,
    // Names of functions and namespaces have no underscore.
    consumer: (queue, ref) => `call_${queue}_${ref.namespace}_${ref.name}`,
    callbackConsumer: (queue) => `callback_${queue}`,
  };
}

const PLAIN = /^[A-Za-z0-9_-]{1,64}$/;

/** An id that is no token of a subject is told by its digest. */
function token(id: string): string {
  return PLAIN.test(id) ? id : `~${digest(id)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
