import { expect } from 'chai';
import { deployExample, openPlatform, type Platform, removeFunction, until } from '../support/platform.ts';

const NAME = 'e2e-logs';

interface Line {
  readonly name: string;
  readonly namespace: string;
  readonly instance: string;
  readonly timestamp: string;
  readonly text: string;
}

describe('the log of a function on the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;

  const toLines = (text: string): Line[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  const read = async (query: string): Promise<Line[]> => {
    const response = await platform.request(`/system/logs?name=${NAME}&${query}`);
    expect(response.status).to.equal(200);
    return toLines(await response.text());
  };
  const remove = (): Promise<void> => removeFunction(platform, NAME);

  before(async () => {
    platform = await openPlatform();
    await remove();
    await deployExample(platform, NAME);
    await until('it has a log', async () => (await read('')).length >= 2);
  });
  after(remove);

  it('is told whole, from its newest lines, by replica and by time', async () => {
    const all = await read('');
    const [first] = all;
    expect(first).to.include({ name: NAME, namespace: 'openfaas-fn' });
    expect(all.some(({ text }) => /Listening on port: 8080/.test(text))).to.equal(true);
    expect(all.every(({ text }) => !/[\r\n]$/.test(text))).to.equal(true);
    const [newest, ...more] = await read('tail=1');
    expect(more).to.deep.equal([]);
    expect(newest?.timestamp).to.equal(
      all
        .map(({ timestamp }) => timestamp)
        .sort()
        .at(-1),
    );
    expect(await read(`instance=${first?.instance}`)).to.have.length(all.length);
    expect(await read('instance=nobody')).to.deep.equal([]);
    expect(await read(`since=${newest?.timestamp}`)).to.deep.equal([newest]);
  });

  it('is followed to replicas that begin later, and ends with the function', async () => {
    const response = await platform.request(`/system/logs?name=${NAME}&follow=true&tail=1`);
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson');
    const decoder = new TextDecoder();
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    })();
    const scaled = await platform.request(`/system/scale-function/${NAME}`, {
      method: 'POST',
      json: { replicas: 2 },
    });
    expect(scaled.status).to.equal(202);
    const instances = (): Set<string> =>
      new Set(toLines(text.slice(0, text.lastIndexOf('\n') + 1)).map(({ instance }) => instance));
    await until('the second replica is heard', async () => instances().size === 2);
    const keys = toLines(text.slice(0, text.lastIndexOf('\n') + 1)).map((line) => JSON.stringify(line));
    expect(new Set(keys).size).to.equal(keys.length);
    await remove();
    await reading;
  });
});
