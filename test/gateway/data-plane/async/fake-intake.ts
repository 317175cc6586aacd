import type { ObjectBody } from '../../../../gateway/queue/call.ts';
import type { CallIntake, NewCall } from '../../../../gateway/queue/call-queue.ts';

/** A queue in memory, that takes what it is given or fails as it is told. */
export interface FakeIntake extends CallIntake {
  readonly calls: { readonly id: string; readonly call: NewCall }[];
  /** Long bodies, by name. */
  readonly bodies: Map<string, Uint8Array>;
  /** Thrown by whatever accepts a call. */
  failure: Error | undefined;
  /** Accepting waits for this. */
  gate: Promise<void>;
}

export function createFakeIntake(): FakeIntake {
  const calls: FakeIntake['calls'] = [];
  const bodies = new Map<string, Uint8Array>();
  const byKey = new Map<string, string>();
  const store = async (id: string, call: NewCall): Promise<void> => {
    await intake.gate;
    if (intake.failure !== undefined) throw intake.failure;
    calls.push({ id, call });
  };
  const intake: FakeIntake = {
    calls,
    bodies,
    failure: undefined,
    gate: Promise.resolve(),
    accept: async (call) => {
      const id = `id-${calls.length + 1}`;
      await store(id, call);
      return id;
    },
    acceptAs: (id, call) => store(id, call),
    acceptFirst: async (id, call) => {
      const isFirst = calls.every((known) => known.id !== id);
      if (isFirst) await store(id, call);
      return isFirst;
    },
    acceptKeyed: async (key, call) => {
      const text = `${call.steps[0]?.function} ${key}`;
      const known = byKey.get(text);
      if (known !== undefined) return { id: known, isFirst: false };
      const id = `keyed-${byKey.size + 1}`;
      await store(id, call);
      byKey.set(text, id);
      return { id, isFirst: true };
    },
    storeBody: async (body, most) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      const whole = Buffer.concat(chunks);
      if (whole.length > most) throw new Error('the acceptor is to know that');
      const stored: ObjectBody = { name: `body-${bodies.size + 1}`, bytes: whole.length };
      bodies.set(stored.name, whole);
      return stored;
    },
    dropBody: async ({ name }) => void bodies.delete(name),
  };
  return intake;
}
