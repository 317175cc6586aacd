import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

const FUNCTIONS = '/system/functions';
const echo = { service: 'echo', image: 'alpine:3.20' };

/** What the control plane answers to hostile or mistaken bodies, over HTTP. */
describe('hostile input to the control plane', () => {
  let control: RunningControlPlane;
  beforeEach(async () => {
    control = await startControlPlane();
  });
  afterEach(() => control.close());

  const send = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const response = await control.call(method, path, body, headers);
    return {
      status: response.status,
      code: response.headers.get('x-skep-error'),
      text: await response.text(),
    };
  };
  const names = async (): Promise<string[]> =>
    (await control.provider.list('openfaas-fn')).map(({ name }) => name).sort();
  const read = async (name: string) =>
    JSON.parse((await send('GET', `/system/function/${name}`)).text) as Record<string, unknown>;

  interface Endpoint {
    readonly method: string;
    readonly path: string;
    /** A body that would be taken. */
    readonly good: Readonly<Record<string, unknown>>;
    /** Of each field the kind of value that it wants. */
    readonly fields: Readonly<Record<string, 'text' | 'texts' | 'map' | 'flag' | 'count' | 'resources'>>;
  }

  const deployment: Endpoint['fields'] = {
    service: 'text',
    image: 'text',
    namespace: 'text',
    envProcess: 'text',
    envVars: 'map',
    constraints: 'texts',
    secrets: 'texts',
    labels: 'map',
    annotations: 'map',
    limits: 'resources',
    requests: 'resources',
    readOnlyRootFilesystem: 'flag',
    registryAuth: 'text',
    network: 'text',
  };
  const secret: Endpoint['fields'] = { name: 'text', namespace: 'text', value: 'text', rawValue: 'text' };
  const namespace: Endpoint['fields'] = { name: 'text', labels: 'map', annotations: 'map' };
  const endpoints: readonly Endpoint[] = [
    { method: 'POST', path: FUNCTIONS, good: echo, fields: deployment },
    { method: 'PUT', path: FUNCTIONS, good: echo, fields: deployment },
    {
      method: 'DELETE',
      path: FUNCTIONS,
      good: { functionName: 'echo' },
      fields: { functionName: 'text', namespace: 'text' },
    },
    {
      method: 'POST',
      path: '/system/scale-function/echo',
      good: { replicas: 1 },
      fields: { serviceName: 'text', namespace: 'text', replicas: 'count' },
    },
    { method: 'POST', path: '/system/secrets', good: { name: 'a', value: 'x' }, fields: secret },
    { method: 'PUT', path: '/system/secrets', good: { name: 'a', value: 'x' }, fields: secret },
    {
      method: 'DELETE',
      path: '/system/secrets',
      good: { name: 'a' },
      fields: { name: 'text', namespace: 'text' },
    },
    { method: 'POST', path: '/system/namespace/', good: { name: 'a' }, fields: namespace },
    { method: 'PUT', path: '/system/namespace/a', good: { name: 'a' }, fields: namespace },
    { method: 'POST', path: '/system/alert', good: { alerts: [] }, fields: {} },
  ];

  const values: readonly [string, unknown][] = [
    ['a number', 7],
    ['a text', 'text'],
    ['true', true],
    ['an empty list', []],
    ['a list', [1]],
    ['an empty object', {}],
    ['an object', { a: 1 }],
    ['a list of lists', [[]]],
  ];
  /** Which of the values above are right for a kind, or pass for it: they are refused for other reasons, if at all. */
  const right: Readonly<Record<Endpoint['fields'][string], readonly string[]>> = {
    text: ['a text'],
    texts: ['an empty list'],
    map: ['an empty object'],
    flag: ['true'],
    count: ['a number'],
    resources: ['an empty object', 'an object'], // an object with a field that it does not know
  };
  for (const { method, path, good, fields } of endpoints) {
    describe(`${method} ${path}`, () => {
      for (const [field, kind] of Object.entries(fields)) {
        it(`answers 400 and names ${field} when it is of another type`, async () => {
          for (const [what, value] of values) {
            if (right[kind].includes(what)) continue;
            const { status, code, text } = await send(method, path, { ...good, [field]: value });
            expect([status, code], `${what}: ${text}`).to.deep.equal([400, 'invalid_request']);
            expect(text, what).to.match(new RegExp(`^${field}[:.[]`));
          }
        });
        if (kind !== 'text') continue;
        it(`answers 400 and names ${field} when it holds half of a surrogate pair`, async () => {
          const { status, code, text } = await send(method, path, { ...good, [field]: 'a\ud800' });
          expect([status, code], text).to.deep.equal([400, 'invalid_request']);
          expect(text).to.match(new RegExp(`^${field}:`));
        });
        if (field === 'value') continue; // a secret may hold any byte
        it(`answers 400 and names ${field} when it holds a NUL character`, async () => {
          const { status, code, text } = await send(method, path, { ...good, [field]: 'a\0' });
          expect([status, code], text).to.deep.equal([400, 'invalid_request']);
          expect(text).to.match(new RegExp(`^${field}:`));
        });
      }

      it('answers 400 to every body that is no JSON object of one meaning', async () => {
        const json = JSON.stringify(good);
        const [key = ''] = Object.keys(good);
        const bodies: readonly [string, string][] = [
          ['blanks', ' \n'],
          ['null', 'null'],
          ['a text', '"text"'],
          ['a number', '1e309'],
          ['a list of it', `[${json}]`],
          ['something after it', `${json} x`],
          ['it twice', json + json],
          ['a comment', `/* */${json}`],
          ['single quotes', "{'a': 'b'}"],
          ['NaN', `{"${key}": NaN}`],
          ['a key twice', `{"${key}": 1, "${key}": 1}`],
          ['10,000 levels', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
          ['10,000 levels in an unknown field', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
          ['half of it', json.slice(0, -1)],
        ];
        for (const [what, body] of bodies) {
          const { status, code, text } = await send(method, path, body);
          expect([status, code], `${what}: ${text}`).to.deep.equal([400, 'invalid_request']);
          expect(text.length, what).to.be.lessThan(200);
        }
      });

      it('answers 400 to bytes that are no UTF-8, and to compressed ones', async () => {
        for (const bytes of [Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('{"a":"\xe4"}', 'latin1')]) {
          const response = await fetch(control.url + path, {
            method,
            body: new Uint8Array(bytes),
            headers: { authorization: authorization() },
          });
          expect(response.status).to.equal(400);
          expect(await response.text()).to.equal('the body is not valid UTF-8\n');
        }
        const { status, text } = await send(method, path, good, { 'content-encoding': 'gzip' });
        expect([status, text]).to.deep.equal([
          400,
          'Content-Encoding: gzip is not read here: send the body as it is\n',
        ]);
      });

      it('answers 413 to 10 MB', async () => {
        const body = JSON.stringify({ ...good, more: 'x'.repeat(10_000_000) });
        expect((await send(method, path, body)).code).to.equal('body_too_large');
      });
    });
  }

  const authorization = (): string => `Basic ${Buffer.from('admin:pa:ss wörd').toString('base64')}`;

  describe('what is taken', () => {
    it('a byte order mark, any content type, and fields that nobody knows', async () => {
      const json = JSON.stringify({ ...echo, future: { deep: [1] }, Service: 'other', toString: 'x' });
      expect((await send('POST', FUNCTIONS, `\ufeff${json}`)).status).to.equal(202);
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', '']) {
        expect((await send('PUT', FUNCTIONS, json, { 'content-type': type })).status, type).to.equal(202);
      }
      expect(await names()).to.deep.equal(['echo']);
    });

    it('names of JavaScript’s own as keys, which come back as they were', async () => {
      const keys = '{"constructor":"a","toString":"b","hasOwnProperty":"c","valueOf":"d"}';
      const env = '{"__proto__":"a","constructor":"b"}';
      const body = `{"service":"echo","image":"x:1","__proto__":{"image":"evil:1"},"labels":${keys},"annotations":${keys},"envVars":${env}}`;
      expect((await send('POST', FUNCTIONS, body)).status).to.equal(202);
      const { text } = await send('GET', '/system/function/echo');
      expect(text).to.include(env).and.not.include('evil');
      expect((await read('echo'))['annotations']).to.deep.equal(JSON.parse(keys));
      expect(({} as Record<string, unknown>)['image']).to.equal(undefined);
    });

    it('control characters where text may have lines: variables, annotations, the process', async () => {
      const text = 'a\tb\nc\r\u0001\u001b[31m\u2028';
      const sent = { ...echo, envProcess: text, envVars: { A: text }, annotations: { a: text } };
      expect((await send('POST', FUNCTIONS, sent)).status).to.equal(202);
      const { envProcess, envVars, annotations } = await read('echo');
      expect({ envProcess, envVars, annotations }).to.deep.equal({
        envProcess: text,
        envVars: { A: text },
        annotations: { a: text },
      });
    });

    it('5,000 variables', async () => {
      const envVars = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`NAME_${i}`, `value ${i}`]));
      expect((await send('POST', FUNCTIONS, { ...echo, envVars })).status).to.equal(202);
      expect((await read('echo'))['envVars']).to.deep.equal(envVars);
    });

    it('numbers in any of JSON’s spellings', async () => {
      await send('POST', FUNCTIONS, echo);
      for (const [spelling, replicas] of [
        ['1e1', 10],
        ['2.0', 2],
        ['-0', 0],
      ] as const) {
        const { status } = await send('POST', '/system/scale-function/echo', `{"replicas":${spelling}}`);
        expect(status, spelling).to.equal(202);
        expect((await read('echo'))['replicas']).to.equal(replicas);
      }
    });
  });

  describe('what is refused', () => {
    it('replicas out of range, whatever else is in the body', async () => {
      await send('POST', FUNCTIONS, echo);
      for (const spelling of ['1e309', '-1', '1.5', '"3"', '10001', '9007199254740993', '-1e309', 'null']) {
        const { status, text } = await send(
          'POST',
          '/system/scale-function/echo',
          `{"replicas":${spelling}}`,
        );
        expect([status, text.startsWith('replicas: expected a whole number')], spelling).to.deep.equal([
          400,
          true,
        ]);
      }
      expect((await read('echo'))['replicas']).to.equal(1);
    });

    const refused: readonly [string, object, RegExp][] = [
      ['a name of 64 characters', { service: 'a'.repeat(64) }, /^service:/],
      ['a namespace of 64 characters', { namespace: 'a'.repeat(64) }, /^namespace:/],
      ['a control character in a constraint', { constraints: ['node.role\n==worker'] }, /^constraints\[0\]/],
      ['a control character in a limit', { limits: { memory: '5Mi\n' } }, /^limits\.memory/],
      ['a control character in a request', { requests: { cpu: '\u001b1' } }, /^requests\.cpu/],
      ['a control character in an image', { image: 'alpine:3\u0007' }, /^image:/],
      ['a control character in a secret’s name', { secrets: ['key\n'] }, /^secrets\[0\]/],
      ['a control character in registryAuth', { registryAuth: 'dTpw\n' }, /^registryAuth:/],
      ['a control character in a variable’s name', { envVars: { 'a\u0001': '' } }, /^envVars:/],
      ['a control character in a label’s key', { labels: { 'a\n': '' } }, /^labels:/],
      ['half a surrogate pair in a label', { labels: { a: '\udc00' } }, /^labels\.a:/],
      ['half a surrogate pair in a variable’s name', { envVars: { 'a\ud800': '' } }, /^envVars\.a/],
      ['a NUL in a variable', { envVars: { a: '\0' } }, /^envVars\.a:/],
      ['a NUL in a label’s key', { labels: { 'a\0': 'x' } }, /^labels\.a\?: its name has a NUL/],
      ['a label without a key', { labels: { '': 'x' } }, /^labels:/],
      ['a number in a list of secrets', { secrets: ['key', 7] }, /^secrets\[1\]: expected a string/],
      ['null among the labels', { labels: { a: null } }, /^labels\.a: expected a string, not null/],
      ['a limit of another type', { limits: { memory: 5 } }, /^limits\.memory: expected a string/],
      ['a request of another type', { requests: { cpu: [] } }, /^requests\.cpu: expected a string/],
      ['a scale label out of range', { labels: { 'com.openfaas.scale.min': '1e2' } }, /scale\.min/],
      ['a label of the platform', { labels: { 'com.openfaas.function': 'figlet' } }, /^labels: com\.open/],
      ['a label of Swarm', { labels: { 'com.docker.stack.namespace': 'skep' } }, /^labels: com\.docker/],
      ['a label that says an annotation', { labels: { 'com.openfaas.annotations.a': 'b' } }, /^labels: com/],
      ['a label of Skep', { labels: { 'skep.deployment': '{}' } }, /^labels: skep/],
    ];
    for (const [what, changes, reason] of refused) {
      it(`${what}, by POST and PUT`, async () => {
        for (const method of ['POST', 'PUT']) {
          if (method === 'PUT') await send('POST', FUNCTIONS, echo);
          const { status, text } = await send(method, FUNCTIONS, { ...echo, ...changes });
          expect([status, reason.test(text)], text).to.deep.equal([400, true]);
        }
        expect(await names()).to.deep.equal(['echo']);
      });
    }

    it('a secret’s value without a word of it', async () => {
      for (const body of [
        '{"name":"a","value":"hunter2',
        '{"name":"a","value":hunter2}',
        '{"name":"a","value":"hunter2","value":"hunter2"}',
        '{"name":"a","value":"hunter2\\ud800"}',
        '{"name":"a","value":{"hunter2":1}}',
        '{"name":"a","rawValue":"hunter2"}',
        'hunter2',
      ]) {
        const { status, text } = await send('POST', '/system/secrets', body);
        expect(status, text).to.equal(400);
        expect(text).to.not.include('hunter2');
      }
      expect(control.lines.join()).to.not.include('hunter2');
    });
  });

  describe('a path, a query or a header', () => {
    it('has a name that no function can have: 404, and nothing is asked of the cluster', async () => {
      for (const name of [
        'ECHO',
        'a%2Fb',
        '%00',
        'a%0Ab',
        'a'.repeat(64),
        'a.b.c',
        '-a',
        '%F0%9F%90%9D',
        '.',
      ]) {
        const answer = await send('GET', `/system/function/${name}`);
        expect(answer.status, name).to.equal(404);
        expect(answer.text.trimEnd(), name).to.not.match(/\p{Cc}/u);
        const scaled = await send('POST', `/system/scale-function/${name}`, { replicas: 1 });
        expect(scaled.status, name).to.equal(404);
      }
      expect(control.provider.cluster.calls).to.deep.equal([]);
    });

    it('says a method that it is not: the request’s own counts', async () => {
      const headers = {
        'x-http-method-override': 'DELETE',
        'x-http-method': 'DELETE',
        'x-method-override': 'DELETE',
      };
      expect((await send('POST', `${FUNCTIONS}?_method=DELETE`, echo, headers)).status).to.equal(202);
      expect((await send('GET', '/system/function/echo', undefined, headers)).status).to.equal(200);
    });

    it('says a parameter twice, and the last counts; unknown ones are passed over', async () => {
      await send('POST', '/system/namespace/', { name: 'dev' });
      await send('POST', FUNCTIONS, { ...echo, namespace: 'dev' });
      const listed = await send('GET', `${FUNCTIONS}?namespace=openfaas-fn&namespace=dev&nonsense=%00`);
      expect((JSON.parse(listed.text) as unknown[]).length).to.equal(1);
      const read = await send('GET', '/system/function/echo?namespace=nope&namespace=dev&__proto__=x');
      expect(read.status).to.equal(200);
    });
  });

  it('keeps functions apart whose names begin alike', async () => {
    for (const service of ['fig', 'figlet', 'fig-let', 'figl']) {
      expect((await send('POST', FUNCTIONS, { ...echo, service })).status).to.equal(202);
    }
    await send('POST', '/system/scale-function/fig', { replicas: 3 });
    await send('PUT', FUNCTIONS, { ...echo, service: 'figl', image: 'next:2' });
    await send('DELETE', FUNCTIONS, { functionName: 'fig' });
    expect(await names()).to.deep.equal(['fig-let', 'figl', 'figlet']);
    expect((await send('DELETE', FUNCTIONS, { functionName: 'fig' })).status).to.equal(404);
    expect((await send('GET', '/system/function/fig')).status).to.equal(404);
    expect(await read('figlet')).to.include({ image: echo.image, replicas: 1 });
  });
});
