import { expect } from 'chai';
import { openPlatform, type Platform, until } from '../support/platform.ts';

const PREFIX = 'e2e-race';
const NAMESPACE = 'openfaas-fn';

/** What only a real swarm can answer: writers at the same instant, names that begin alike, the most that it keeps. */
describe('several writers, likely names and large values on the running platform', function () {
  this.timeout(120_000);
  let platform: Platform;
  let image: string;

  before(async () => {
    platform = await openPlatform();
    image = await platform.exampleImage();
  });
  afterEach(async () => {
    const all = (await (await platform.request('/system/functions')).json()) as { name: string }[];
    for (const { name: functionName } of all) {
      if (functionName.startsWith(PREFIX)) {
        await platform.request('/system/functions', { method: 'DELETE', json: { functionName } });
      }
    }
  });

  const name = `${PREFIX}-fig`;
  const api = async (method: string, path: string, json?: unknown) => {
    const answer = await platform.request(path, { method, json });
    return { status: answer.status, text: await answer.text() };
  };
  const deployment = (changes: object = {}) => ({
    service: name,
    image,
    labels: { 'com.openfaas.scale.min': '0' },
    ...changes,
  });
  const post = (changes: object = {}) => api('POST', '/system/functions', deployment(changes));
  const put = (changes: object = {}) => api('PUT', '/system/functions', deployment(changes));
  const remove = (functionName = name) => api('DELETE', '/system/functions', { functionName });
  const read = async (which = name) => {
    const { status, text } = await api('GET', `/system/function/${which}`);
    return status === 200 ? (JSON.parse(text) as Record<string, unknown>) : undefined;
  };

  it('takes one of two POSTs of one name at the same instant, and tells the other that it exists', async () => {
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([post({ envVars: { by: '1' } }), post({ envVars: { by: '2' } })]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([202, 409]);
      const winner = answers[0]?.status === 202 ? '1' : '2';
      expect((await read())?.['envVars']).to.deep.equal({ by: winner });
      await remove();
    }
  });

  it('takes two PUTs at the same instant one after the other: what stands is one of them, whole', async () => {
    await post();
    for (let round = 0; round < 5; round++) {
      const versions = ['1', '2', '3'].map((by) => ({
        envVars: { by },
        annotations: { by },
        labels: { by, 'com.openfaas.scale.min': '0' },
      }));
      const answers = await Promise.all(versions.map((version) => put(version)));
      expect(answers.map(({ status }) => status)).to.deep.equal([202, 202, 202]);
      const { envVars, annotations, labels } = (await read()) ?? {};
      const { by } = envVars as { by: string };
      expect(annotations).to.deep.equal({ by });
      expect(labels).to.include({ by });
    }
  });

  it('tells the truth of a POST and a DELETE at the same instant', async () => {
    for (let round = 0; round < 5; round++) {
      const [made, removed] = await Promise.all([post(), remove()]);
      expect(made.status).to.equal(202);
      expect(removed.status).to.be.oneOf([202, 404]);
      expect((await read()) === undefined).to.equal(removed.status === 202);
      if (removed.status === 404) await remove();
    }
  });

  it('takes scales, updates and deletes of one function at once, and never answers 500', async () => {
    await post();
    const answers = await Promise.all([
      ...[1, 2, 0].map((replicas) => api('POST', `/system/scale-function/${name}`, { replicas })),
      put({ envVars: { a: '1' } }),
      put({ envVars: { a: '2' } }),
      remove(),
      remove(),
    ]);
    const statuses = answers.map(({ status }) => status);
    for (const status of statuses) expect(status).to.be.oneOf([202, 404]);
    expect(statuses.slice(-2).sort()).to.deep.equal([202, 404]);
    expect(await read()).to.equal(undefined);
  });

  it('takes a deployment while the last one still rolls: the newest is what runs in the end', async () => {
    const version = (colour: string) => ({
      labels: {},
      envProcess: `echo ${colour}`,
      envVars: { cgi_response: 'false', colour },
    });
    expect((await post(version('blue'))).status).to.equal(202);
    for (const colour of ['red', 'green', 'yellow']) {
      expect((await put(version(colour))).status).to.equal(202);
      expect((await read())?.['envVars']).to.include({ colour });
    }
    await until('the newest version', async () => {
      const answer = await fetch(`${platform.url}/function/${name}`, { method: 'POST' });
      return (await answer.text()) === 'yellow\n';
    });
    expect((await read())?.['envVars']).to.include({ colour: 'yellow' });
  });

  it('keeps functions apart whose names begin alike, a name within a namespace’s service included', async () => {
    const others = [`${name}let`, `${name}-let`, PREFIX];
    for (const service of [name, ...others]) expect((await post({ service })).status).to.equal(202);
    const before = await Promise.all(others.map((other) => read(other)));
    await put({ envVars: { a: '1' } });
    await api('POST', `/system/scale-function/${name}`, { replicas: 1 });
    expect((await api('GET', `/system/logs?name=${name}`)).status).to.equal(200);
    await remove();
    expect(await read()).to.equal(undefined);
    for (const path of [`/system/logs?name=${name}`, `/system/function/${name}`]) {
      expect((await api('GET', path)).status, path).to.equal(404);
    }
    expect((await api('POST', `/system/scale-function/${name}`, { replicas: 1 })).status).to.equal(404);
    expect((await put()).status).to.equal(404);
    expect((await remove()).status).to.equal(404);
    const call = await fetch(`${platform.url}/function/${name}`, { method: 'POST' });
    expect(call.status).to.equal(404);
    expect(await Promise.all(others.map((other) => read(other)))).to.deep.equal(before);
  });

  it('takes names of 63 characters, alone and in a namespace, and none of 64', async () => {
    const longest = PREFIX.padEnd(63, 'x');
    expect((await post({ service: longest })).status).to.equal(202);
    expect(await read(longest)).to.include({ name: longest });
    const namespace = `${PREFIX}-ns`.padEnd(63, 'y');
    expect((await api('POST', '/system/namespace/', { name: namespace })).status).to.equal(201);
    try {
      expect((await post({ service: longest, namespace })).status).to.equal(202);
      expect(await read(`${longest}.${namespace}`)).to.include({ name: longest, namespace });
      expect(await read(`${longest}.${NAMESPACE}`)).to.include({ name: longest, namespace: NAMESPACE });
    } finally {
      const removed = await api('DELETE', `/system/namespace/${namespace}?force=true`);
      expect(removed.status).to.equal(202);
    }
    expect(await read(longest)).to.include({ namespace: NAMESPACE });
    expect((await post({ service: `${longest}x` })).status).to.equal(400);
  });

  describe('large values', () => {
    /** The longest value that is taken, about: what quotes grow by in JSON, and what else the service holds, is left. */
    const most = { labels: 115 * 1024, annotations: 115 * 1024, envVars: 175 * 1024 };
    for (const field of ['labels', 'annotations', 'envVars'] as const) {
      const large = (fill: string, bytes: number) => ({
        [field]: { ...deployment().labels, large: fill.repeat(bytes / Buffer.byteLength(fill)) },
      });

      it(`are kept as they are in ${field}, through updates while the last one rolls, scaling and back`, async () => {
        const sent = (fill: string) => large(fill, most[field]);
        expect(await post(sent('x'))).to.deep.equal({ status: 202, text: '' });
        for (const fill of ['y', 'z', 'ä']) {
          expect(await put(sent(fill))).to.deep.equal({ status: 202, text: '' });
          const scaled = await api('POST', `/system/scale-function/${name}`, {
            replicas: fill === 'y' ? 1 : 0,
          });
          expect(scaled).to.deep.equal({ status: 202, text: '' });
          const { [field]: kept } = (await read()) ?? {};
          expect((kept as { large: string }).large === sent(fill)[field]?.large).to.equal(true);
        }
      });

      it(`are kept in ${field}, too, where every character of it doubles in JSON`, async () => {
        const sent = (fill: string) => large(fill, Math.floor(most[field] / 3));
        expect(await post(sent('"'))).to.deep.equal({ status: 202, text: '' });
        for (const fill of ['\\', '"', '\\']) {
          expect(await put(sent(fill))).to.deep.equal({ status: 202, text: '' });
          const scaled = await api('POST', `/system/scale-function/${name}`, { replicas: 0 });
          expect(scaled).to.deep.equal({ status: 202, text: '' });
        }
      });

      it(`are refused in ${field} beyond the limit, which is told, by POST and PUT`, async () => {
        await post({ service: `${name}-small` });
        for (const send of [
          () => post(large('x', 512 * 1024)),
          () => put({ service: `${name}-small`, ...large('x', 512 * 1024) }),
        ]) {
          const { status, text } = await send();
          expect(status).to.equal(400);
          expect(text).to.match(/^the deployment makes a service of \d+ bytes.*Swarm keeps at most 368640/);
        }
        expect(await read()).to.equal(undefined);
      });
    }

    it('may be many: 5,000 variables, which the function sees', async () => {
      const envVars = {
        cgi_response: 'false',
        ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`NAME_${i}`, `value ${i}`])),
      };
      const many = { labels: {}, envProcess: 'env', envVars };
      expect((await post(many)).status).to.equal(202);
      expect((await read())?.['envVars']).to.deep.equal(envVars);
      const answer = await fetch(`${platform.url}/function/${name}`, { method: 'POST' });
      const lines = (await answer.text()).split('\n');
      expect(lines.filter((line) => /^NAME_\d+=value \d+$/.test(line)).length).to.equal(5000);
    });
  });
});
