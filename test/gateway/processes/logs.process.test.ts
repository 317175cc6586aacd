import { expect } from 'chai';
import type { LogLine, LogRequest } from '../../../gateway/functions/log-source.ts';
import { call, closeClusters, openCluster, REF, seen } from './open-cluster.ts';

describe('logs of processes', function () {
  this.timeout(40_000);
  afterEach(closeClusters);

  it('are told as they come, with the replica that wrote them, and kept when it has ended', async () => {
    const opened = openCluster();
    const { provider, logSource } = opened.cluster;
    opened.source = { env: { fprocess: 'sh -c echo$IFS"to-stderr">&2', combine_output: 'false' } };
    await provider.create(opened.deployment());
    const [replica] = await opened.serving();
    if (replica === undefined) throw new Error('no replica');
    await call(replica);
    const line = await opened.logged('to-stderr');
    expect(line).to.include({ ...REF, instance: replica.id });
    expect(Math.abs(Date.parse(line.timestamp) - Date.now())).to.be.lessThan(60_000);
    await provider.scale(REF, 0);
    const read = async (request: Partial<LogRequest>): Promise<LogLine[]> => {
      const lines = await logSource.open(
        { ref: REF, follow: false, ...request },
        new AbortController().signal,
      );
      return Array.fromAsync(lines);
    };
    expect(await read({})).to.deep.include(line);
    expect(await read({ instance: replica.id })).to.deep.include(line);
    expect(await read({ instance: 'another' })).to.not.deep.include(line);
  });

  it('end for those who follow when the function is removed, and are unknown after that', async () => {
    const opened = openCluster();
    const { provider, logSource } = opened.cluster;
    await provider.create(opened.deployment());
    const never = new AbortController().signal;
    const lines = await logSource.open({ ref: REF, follow: true }, never);
    const told: LogLine[] = [];
    const ended = (async () => {
      for await (const line of lines) told.push(line);
    })();
    await opened.serving();
    await seen('lines', () => told.length > 0);
    await provider.remove(REF);
    await ended;
    const error = await logSource.open({ ref: REF, follow: false }, never).catch((cause: Error) => cause);
    expect(error).to.include({ code: 'function_not_found' });
  });
});
