import { splitFunctionName } from '../../../contract/function-ref.ts';
import { FaasError } from '../../errors.ts';
import { type CallRecord, type CallState, currentStep } from '../../queue/call.ts';
import type { FirstPlace } from '../../queue/call-id.ts';
import { waitingRecord } from '../../queue/call-progress.ts';
import type { CallPage, CallQuery } from '../../queue/call-queue.ts';
import { decodeRecord } from './call-codec.ts';
import type { QueueNames } from './names.ts';
import { type OpenMessages, readDown } from './read-down.ts';
import type { CallRecords } from './records.ts';
import type { JetStreamSession } from './session.ts';
import { headersOf, type StoredMessage, waitingMessages } from './stored-messages.ts';
import { readCall } from './waiting-calls.ts';

export interface CallListParts {
  readonly session: JetStreamSession;
  readonly names: QueueNames;
  readonly records: Pick<CallRecords, 'read'>;
}

/** Where calls are told of: those that have not begun wait in two streams, of the others there are records. */
type Place = FirstPlace | 'records';
const PLACES: readonly Place[] = ['queue', 'later', 'records'];

interface Entry {
  readonly seq: number;
  /** When it was stored there. */
  readonly at: number;
  /** Absent: it is no call, or told of elsewhere. */
  readonly record: CallRecord | undefined;
}

/** Goes down one place. */
interface Walk {
  readonly place: Place;
  /** The oldest of the stream. */
  readonly first: number;
  /** What is from there on was told. */
  below: number;
  /** Read and not yet told, the oldest first: all from `readTo` up to `below`. */
  entries: Entry[];
  readTo: number;
  /** Sequences that are looked at in one go. */
  window: number;
}

/** One page looks at no more: whoever wants more asks with its cursor. */
const MOST_COST = 20_000;
const COST: Readonly<Record<Place, number>> = { queue: 10, later: 10, records: 1 };
const FIRST_WINDOW = 128;
const FULL_WINDOW = 1024;
/** Found in a window: the next one is wider. */
const FEW = 64;

/** Calls by their last change, the newest first, in bounded work. @throws {FaasError} `invalid_request` for a broken cursor */
export async function listCalls(parts: CallListParts, query: CallQuery): Promise<CallPage> {
  const walks = await openWalks(parts, query);
  const calls = new Map<string, CallRecord>();
  let cost = 0;
  while (calls.size < query.limit && cost < MOST_COST) {
    const hungry = walks.find((walk) => walk.entries.length === 0 && walk.below > walk.first);
    if (hungry !== undefined) {
      await readMore(parts, hungry, query);
      cost += 1 + hungry.entries.length * COST[hungry.place];
      continue;
    }
    const record = takeNewest(walks);
    if (record === 'none') break;
    // A copy, or a call that has changed while we read, is told of once.
    if (record !== undefined && isWanted(record, query) && !calls.has(record.id))
      calls.set(record.id, record);
  }
  const isOver = walks.every(({ entries, below, first }) => entries.length === 0 && below <= first);
  return { calls: [...calls.values()], ...(!isOver && { cursor: toCursor(walks) }) };
}

function isWanted(record: CallRecord, { function: name, state }: CallQuery): boolean {
  return (
    (state === undefined || record.state === state) &&
    (name === undefined || currentStep(record).function === name)
  );
}

function takeNewest(walks: readonly Walk[]): CallRecord | undefined | 'none' {
  const newest = walks.reduce((a, b) => (ageOf(a) >= ageOf(b) ? a : b));
  const entry = newest.entries.pop();
  if (entry === undefined) return 'none';
  newest.below = newest.entries.length === 0 ? newest.readTo : entry.seq;
  return entry.record;
}

function ageOf({ entries }: Walk): number {
  return entries.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
}

/** Whatever waits has a message; whatever does not has a record. */
function placesOf(state: CallState | undefined): readonly Place[] {
  if (state === undefined) return PLACES;
  return state === 'queued' ? ['queue', 'later'] : ['records'];
}

async function openWalks({ session, names }: CallListParts, { state, cursor }: CallQuery): Promise<Walk[]> {
  const from = cursor === undefined ? {} : parseCursor(cursor);
  return Promise.all(
    placesOf(state).map(async (place) => {
      const { first_seq, last_seq } = (await session.manager.streams.info(names[place])).state;
      const below = Math.min(last_seq + 1, from[place] ?? Number.POSITIVE_INFINITY);
      return {
        place,
        first: Math.max(1, first_seq),
        below,
        entries: [],
        readTo: below,
        window: FIRST_WINDOW,
      };
    }),
  );
}

async function readMore(parts: CallListParts, walk: Walk, query: CallQuery): Promise<void> {
  const { below, first, window } = walk;
  const wished = Math.max(first, below - window);
  const { found, from } = await readDown(opener(parts, walk.place, query), { from: wished, below });
  walk.window = found.length < FEW ? window * 4 : Math.min(window * 2, FULL_WINDOW);
  walk.entries = await Promise.all(found.map((message) => toEntry(parts, walk.place, query, message)));
  walk.readTo = from;
  if (found.length === 0) walk.below = from;
}

function opener({ session, names }: CallListParts, place: Place, query: CallQuery): OpenMessages {
  // The records of half a million calls are as many subjects: all of them are read sooner than some.
  if (place === 'records') return (from) => headersOf(session, names.records, { from });
  const subject = subjectOf(names, place, query.function);
  return (from) => waitingMessages(session, names[place], { from, subject });
}

function subjectOf(names: QueueNames, place: FirstPlace, name: string | undefined): string {
  if (name === undefined) return place === 'queue' ? names.allCalls : names.allLater;
  const ref = splitFunctionName(name);
  return place === 'queue' ? names.call('*', ref) : names.laterCall('*', ref);
}

async function toEntry(
  { records }: CallListParts,
  place: Place,
  { state }: CallQuery,
  message: StoredMessage,
): Promise<Entry> {
  const { seq, at } = message;
  if (place === 'records') return { seq, at, record: readRecord(message) };
  const call = readCall(message, place);
  if (call === undefined) return { seq, at, record: undefined };
  const stored = await records.read(call.id);
  if (stored === undefined) return { seq, at, record: waitingRecord(call) };
  // Among the records, unless those are not asked for; of a call that has lost its id to another one nothing is told.
  const isToldHere = state === 'queued' && stored.record.instance === call.instance;
  return { seq, at, record: isToldHere ? stored.record : undefined };
}

function readRecord(message: StoredMessage): CallRecord | undefined {
  try {
    return decodeRecord(message);
  } catch {
    return undefined; // how a callback fares, or of another version
  }
}

const NONE = '-';

/** Where each place goes on. */
function toCursor(walks: readonly Walk[]): string {
  return PLACES.map((place) => walks.find((walk) => walk.place === place)?.below.toString(36) ?? NONE).join(
    '.',
  );
}

function parseCursor(text: string): Partial<Record<Place, number>> {
  if (!/^([0-9a-z]{1,10}|-)(\.([0-9a-z]{1,10}|-)){2}$/.test(text))
    throw new FaasError('invalid_request', 'cursor: it is none that came with a page before');
  const parts = text.split('.');
  return Object.fromEntries(
    PLACES.flatMap((place, index) => {
      const part = parts[index] ?? NONE;
      return part === NONE ? [] : [[place, Number.parseInt(part, 36)]];
    }),
  );
}
