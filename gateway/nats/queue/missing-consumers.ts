import { isFunctionName, qualifiedName } from '../../../contract/function-ref.ts';
import type { QueueNames } from './names.ts';
import { QueueConsumers } from './queue-consumers.ts';
import type { JetStreamSessions } from './session.ts';

/**
 * Makes consumers for what waits and has none: whoever stored it found one, or believed so, and somebody has removed it since.
 * @returns the names of those that were made @throws {Error} what JetStream says
 */
export async function makeMissingConsumers(
  sessions: JetStreamSessions,
  names: QueueNames,
): Promise<string[]> {
  const { manager } = await sessions.get();
  const { state } = await manager.streams.info(names.queue, { subjects_filter: '>' });
  const served = new Set<string>();
  for await (const { config } of manager.consumers.list(names.queue)) served.add(config.filter_subject ?? '');
  const unserved = Object.keys(state.subjects ?? {}).filter((subject) => !served.has(subject));
  const made: string[] = [];
  // One that knows of none: each is looked for.
  const consumers = new QueueConsumers(sessions, names);
  for (const subject of unserved) {
    const [queue = '', namespace = '', name = '', ...more] = below(names.allCalls, subject);
    if (isFunctionName(namespace) && isFunctionName(name) && more.length === 0) {
      await consumers.ensure(queue, qualifiedName({ name, namespace }));
      made.push(names.consumer(queue, { name, namespace }));
    }
    const [callbacks = '', ...others] = below(names.allCallbacks, subject);
    if (callbacks !== '' && others.length === 0) {
      await consumers.ensureCallbacks(callbacks);
      made.push(names.callbackConsumer(callbacks));
    }
  }
  return made;
}

/** What a subject has where `all` has its wildcard; nothing: it is another one. */
export function below(all: string, subject: string): string[] {
  const prefix = all.slice(0, -1);
  return subject.startsWith(prefix) ? subject.slice(prefix.length).split('.') : [];
}
