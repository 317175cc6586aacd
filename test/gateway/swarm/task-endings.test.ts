import { expect } from 'chai';
import type { Engine } from '../../../gateway/swarm/engine.ts';
import { TaskEndings } from '../../../gateway/swarm/task-endings.ts';
import type { Task } from '../../../gateway/swarm/tasks.ts';

describe('tasks that ended by themselves', () => {
  /** What the engine knows of tasks, and what it was asked. */
  let tasks: Map<string, Task>;
  let asked: string[][];
  let isAway: boolean;
  let endings: TaskEndings;

  beforeEach(() => {
    tasks = new Map();
    asked = [];
    isAway = false;
    const docker = {
      listTasks: async ({ filters }: { filters: string }) => {
        if (isAway) throw new Error('the engine is away');
        const { id } = JSON.parse(filters) as { id: string[] };
        asked.push(id);
        return id.flatMap((one) => tasks.get(one) ?? []);
      },
    };
    const engine = {
      ask: (_what: string, work: (docker: unknown, signal: AbortSignal) => Promise<unknown>) =>
        work(docker, new AbortController().signal),
    };
    endings = new TaskEndings(engine as unknown as Engine);
  });

  const live = (...ids: string[]): Task[] => ids.map((ID) => ({ ID, ServiceID: 's' }));
  const end = (ID: string, State: string): void => {
    tasks.set(ID, { ID, ServiceID: 's', DesiredState: 'shutdown', Status: { State } });
  };
  const since = async (...ids: string[]): Promise<string[]> =>
    (await endings.since(live(...ids))).map(({ ID }) => ID);

  it('are told once, and the engine is asked only when a task is not live any more', async () => {
    await since('a', 'b');
    await since('a', 'b');
    expect(asked).to.deep.equal([]);
    end('a', 'failed');
    expect(await since('b', 'c')).to.deep.equal(['a']);
    expect(await since('b', 'c')).to.deep.equal([]);
    expect(asked).to.deep.equal([['a']]);
  });

  it('are those that failed, could not start, or were done', async () => {
    const states = ['failed', 'rejected', 'complete', 'shutdown', 'running', 'orphaned', 'remove'];
    await since(...states);
    for (const state of states) end(state, state);
    expect(await since()).to.deep.equal(['failed', 'rejected', 'complete']);
  });

  it('are not those that the engine has forgotten with their service', async () => {
    await since('a');
    expect(await since()).to.deep.equal([]);
  });

  it('are told the next time when the engine does not answer, and nothing fails', async () => {
    await since('a');
    end('a', 'failed');
    isAway = true;
    expect(await since('b')).to.deep.equal([]);
    isAway = false;
    end('b', 'failed');
    expect(await since()).to.deep.equal(['a', 'b']);
  });

  it('are asked for a hundred at a time, and not without end', async () => {
    const many = Array.from({ length: 6000 }, (_, index) => `t${index}`);
    await since(...many);
    isAway = true;
    await since();
    isAway = false;
    await since();
    expect(asked.every((ids) => ids.length <= 100)).to.equal(true);
    expect(asked.flat()).to.have.length(5000);
  });
});
