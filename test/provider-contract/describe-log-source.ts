import { expect } from 'chai';
import type { LogLine, LogRequest, LogSource } from '../../gateway/functions/log-source.ts';
import type { Provider } from '../../gateway/functions/provider.ts';
import { eventually, failure } from './describe-provider.ts';

export interface OpenedLogSource {
  readonly logs: LogSource;
  readonly provider: Provider;
  /** An image with a watchdog, which says `Listening on port` when it begins. */
  readonly image: string;
  clean(): Promise<void>;
  close(): Promise<void>;
}

/** What every source of logs does. Run for Swarm and for processes. */
export function describeLogSource(name: string, open: () => Promise<OpenedLogSource>): void {
  describe(`the port of logs: ${name}`, function () {
    this.timeout(60_000);
    let opened: OpenedLogSource;
    before(async () => {
      opened = await open();
    });
    afterEach(() => opened.clean());
    after(() => opened?.close());

    const ref = { name: 'contract-talker', namespace: 'contract-l' };
    const begin = 'Listening on port';
    const never = new AbortController().signal;
    const read = async (request: Partial<LogRequest> = {}): Promise<LogLine[]> =>
      Array.fromAsync(await opened.logs.open({ ref, follow: false, ...request }, never));
    const deploy = async (): Promise<void> => {
      const { provider, image } = opened;
      await provider.create({ service: ref.name, namespace: ref.namespace, image });
      await eventually('a line', async () => (await read()).some(({ text }) => text.includes(begin)));
    };

    it('knows no function that there is not', async () => {
      await failure(opened.logs.open({ ref, follow: false }, never), 'function_not_found');
      await failure(opened.logs.open({ ref, follow: true }, never), 'function_not_found');
    });

    it('tells whose each line is, which replica’s, and when', async () => {
      await deploy();
      const [replica] = (await opened.provider.look(ref))?.replicas ?? [];
      const lines = await read();
      for (const line of lines) expect(line).to.include({ ...ref, instance: replica?.id });
      for (const { text } of lines) expect(text).to.not.match(/[\r\n]/);
      const times = lines.map(({ timestamp }) => Date.parse(timestamp));
      expect(Math.max(...times)).to.be.within(Date.now() - 60_000, Date.now() + 5000);
    });

    it('gives the newest, those since a time, and those of one replica', async () => {
      await deploy();
      const all = await read();
      expect(await read({ tail: 1 })).to.deep.equal(all.slice(-1));
      expect(await read({ tail: 1000 })).to.deep.equal(all);
      expect(await read({ since: new Date(Date.now() + 3_600_000).toISOString() })).to.deep.equal([]);
      expect(await read({ since: '2001-01-01T00:00:00Z' })).to.deep.equal(all);
      expect(await read({ instance: all[0]?.instance ?? '' })).to.deep.equal(all);
      expect(await read({ instance: 'nobody' })).to.deep.equal([]);
    });

    it('goes on with new lines, of new replicas too, until its reader leaves', async () => {
      await deploy();
      const leaving = new AbortController();
      const instances = new Set<string>();
      const ended = (async () => {
        for await (const line of await opened.logs.open({ ref, follow: true, tail: 1 }, leaving.signal))
          instances.add(line.instance);
      })();
      await opened.provider.scale(ref, 2);
      await eventually('lines of both', async () => instances.size === 2);
      leaving.abort();
      await ended;
    });

    it('ends for who follows when the function is removed', async () => {
      await deploy();
      const lines = await opened.logs.open({ ref, follow: true }, never);
      const ended = Array.fromAsync(lines);
      await opened.provider.remove(ref);
      expect((await ended).some(({ text }) => text.includes(begin))).to.equal(true);
    });
  });
}
