import { expect } from 'chai';
import type { FunctionSnapshot, Provider } from '../../../gateway/functions/provider.ts';
import { createSwarmProvider } from '../../../gateway/swarm/swarm-provider.ts';
import { type EngineSwarm, openEngineSwarm, whyNoEngineSwarm } from '../../support/engine-swarm.ts';
import { openPlatform, until } from '../../support/platform.ts';

const NAME = 'task-endings';

describe('replicas that a node takes with it', function () {
  this.timeout(180_000);
  let swarm: EngineSwarm | undefined;
  let provider: Provider;
  let ended = 0;

  before(async function () {
    const reason = whyNoEngineSwarm();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    const image = await (await openPlatform()).exampleImage();
    swarm = await openEngineSwarm(2);
    await Promise.all(swarm.workers.map((worker) => worker.load(image)));
    const { docker } = swarm.manager;
    const version = { release: '0.0.0', sha: 'test' };
    provider = createSwarmProvider({ docker, functionsNetwork: 'skep-functions', version });
    await provider.create({
      service: NAME,
      image,
      labels: { 'com.openfaas.scale.min': '4' },
      constraints: ['node.role==worker'],
    });
  });
  after(() => swarm?.close());

  /** Looks at every snapshot on the way: each tells what is new. @returns the ids of the replicas that run in the last one */
  const untilSeen = async (what: string, isSo: (ids: readonly string[]) => boolean): Promise<string[]> => {
    let ids: string[] = [];
    await until(what, async () => {
      const one = (await provider.snapshot()).find(({ ref }) => ref.name === NAME);
      ended += one?.ended ?? 0;
      ids = runningOf(one);
      return isSo(ids);
    });
    return ids;
  };
  const untilMoved = (from: readonly string[]): Promise<string[]> =>
    untilSeen('four, some of them new', (ids) => ids.length === 4 && ids.some((id) => !from.includes(id)));

  it('are none that ended by themselves: neither of a drained node nor of an engine that was stopped', async () => {
    if (swarm === undefined) throw new Error('there is no swarm');
    const { manager, workers } = swarm;
    const first = await untilSeen('four', (ids) => ids.length === 4);
    const node = manager.docker.getNode(workers[0]?.node ?? '');
    const { Spec, Version } = (await node.inspect()) as { Spec: object; Version: { Index: number } };
    await node.update({ ...Spec, Availability: 'drain', version: Version.Index });
    const second = await untilMoved(first);
    expect(ended, 'drained').to.equal(0);
    const drained = (await node.inspect()) as { Version: { Index: number } };
    await node.update({ ...Spec, Availability: 'active', version: drained.Version.Index });
    await workers[1]?.stop();
    const third = await untilMoved(second);
    expect(ended, 'engine stopped').to.equal(0);
    await workers[1]?.start();
    for (let read = 0; read < 20; read++) await untilSeen('four still', (ids) => ids.length === 4);
    expect(third).to.have.length(4);
    expect(ended, 'engine back').to.equal(0);
  });
});

function runningOf(snapshot: FunctionSnapshot | undefined): string[] {
  return snapshot?.replicas.flatMap(({ id, isRunning }) => (isRunning ? [id] : [])) ?? [];
}
