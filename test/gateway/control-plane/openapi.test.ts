import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { parseAlerts } from '../../../contract/parse-alerts.ts';
import { parseDeployment } from '../../../contract/parse-deployment.ts';
import { parseNamespaceRequest } from '../../../contract/parse-namespace.ts';
import { parseDeleteRequest, parseScaleRequest } from '../../../contract/parse-requests.ts';
import { parseSecretName, parseSecretRequest } from '../../../contract/parse-secret.ts';
import { parseBuildConfig } from '../../../gateway/build/build-config.ts';
import { createRouter } from '../../../gateway/control-plane/app.ts';
import { MEANINGS } from '../../../gateway/control-plane/openapi/errors.ts';
import { route } from '../../../gateway/data-plane/route.ts';
import { ERROR_CODES, FaasError, type FaasErrorCode } from '../../../gateway/errors.ts';
import { CREDENTIALS, type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';
import { OpenApiJudge } from '../../support/openapi-answers.ts';

const judge = new OpenApiJudge();
const { document, operations } = judge;

/** Answered before a route is found, or by HTTP itself: told in the document's description. */
const OF_NO_ROUTE: readonly FaasErrorCode[] = ['route_not_found', 'method_not_allowed'];

function isOfDataPlane(method: string, path: string): boolean {
  return path.startsWith('/function/') || (method === 'POST' && path.startsWith('/async-function/'));
}

describe('the OpenAPI document', () => {
  let control: RunningControlPlane | undefined;

  afterEach(async () => {
    await control?.close();
    control = undefined;
  });

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)));
    expect(errors ?? []).to.deep.equal([]);
    expect(valid).to.equal(true);
    expect(validator.version).to.equal('3.1');
  });

  it('would not pass for valid if it were not', async () => {
    const broken = { ...document, paths: { 'no-slash': { fetch: {} } } };
    expect((await new Validator().validate(JSON.parse(JSON.stringify(broken)))).valid).to.equal(false);
  });

  it('has every route of the router with its parameters, and no other', async () => {
    control = await startControlPlane();
    const routed = createRouter(control.options).stack.flatMap(({ path, methods }) =>
      methods
        .filter((method) => method !== 'HEAD') // goes with GET everywhere, as the description says
        .map((method) => `${method} ${String(path).replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const documented = operations
      .filter(({ method, path }) => !isOfDataPlane(method, path))
      .map(({ method, path }) => `${method} ${path}`);
    expect(documented.sort()).to.deep.equal(routed.sort());
  });

  it('has what the data plane serves, and no other', () => {
    for (const plane of ['function', 'async-function']) {
      const isServed = route(`/${plane}/name`).plane !== 'control';
      const isDocumented = Object.keys(document.paths).some((path) => path.startsWith(`/${plane}/`));
      expect(isDocumented, plane).to.equal(isServed);
    }
  });

  it('names each path parameter where the path has it', () => {
    for (const { method, path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const told = (operation.parameters ?? []).filter((each) => each.in === 'path');
      expect(
        told.map(({ name }) => name),
        `${method} ${path}`,
      ).to.deep.equal(inPath);
      expect(told.every(({ required }) => required === true)).to.equal(true);
    }
  });

  it('gives each operation an id of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('uses every schema that it defines', () => {
    const text = JSON.stringify(document);
    // What stands inside of a tar is referred to in words.
    const unused = Object.keys(document.components.schemas).filter(
      (name) => name !== 'BuildConfig' && !text.includes(`"#/components/schemas/${name}"`),
    );
    expect(unused).to.deep.equal([]);
  });

  it('is served to those who may, as it is', async () => {
    control = await startControlPlane();
    const response = await control.call('GET', '/system/openapi.json');
    expect(JSON.parse(await judge.check('GET', '/system/openapi.json', response))).to.deep.equal(document);
  });

  it('says open of exactly what is open', async () => {
    control = await startControlPlane();
    for (const { method, path, operation } of operations) {
      if (isOfDataPlane(method, path)) continue;
      const isOpen = operation.security?.length === 0;
      const response = await fetch(control.url + path.replace('{name}', 'echo'), { method });
      expect(response.status === 401, `${method} ${path}`).to.equal(!isOpen);
      if (!isOpen) await judge.check(method, path.replace('{name}', 'echo'), response);
    }
  });

  it('has every error code, each under its status, in the words of docs/errors.md', () => {
    const told = operations.flatMap(({ operation }) =>
      Object.entries(operation.responses).flatMap(([status, { headers }]) => {
        const header = headers?.['X-Skep-Error'];
        const codes = header !== undefined && 'schema' in header ? (header.schema.enum ?? []) : [];
        return codes.map((code) => `${code} ${status}`);
      }),
    );
    const known = ERROR_CODES.map((code) => `${code} ${new FaasError(code, '').status}`);
    const missing = known.filter((line) => !OF_NO_ROUTE.some((code) => line.startsWith(`${code} `)));
    expect([...new Set(told)].sort()).to.deep.equal(missing.sort());
    for (const code of OF_NO_ROUTE) expect(document.info.description).to.contain(`\`${code}\``);

    const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| \d+ \| (.*) \|$/gm)].map(([, code, when]) => [code, when]);
    expect(Object.fromEntries(rows)).to.deep.equal(MEANINGS);
  });
});

describe('requests as the OpenAPI document has them', () => {
  const PARSERS: Readonly<Record<string, (value: unknown) => unknown>> = {
    FunctionDeployment: parseDeployment,
    DeleteFunctionRequest: parseDeleteRequest,
    ScaleRequest: parseScaleRequest,
    SecretRequest: parseSecretRequest,
    SecretName: parseSecretName,
    NamespaceRequest: (value) => parseNamespaceRequest(value, ''),
    AlertNotification: (value) => {
      for (const entry of parseAlerts(value)) if (entry instanceof Error) throw entry;
    },
    BuildConfig: (value) => parseBuildConfig(JSON.stringify(value)),
  };
  const accepts = (component: string, value: unknown): boolean => {
    try {
      PARSERS[component]?.(value);
      return true;
    } catch {
      return false;
    }
  };

  for (const { method, path, operation } of operations) {
    const media = operation.requestBody?.content['application/json'];
    if (media === undefined) continue;
    it(`${method} ${path}: its example is taken by its schema and by our parser`, () => {
      const component = media.schema?.$ref?.split('/').at(-1) ?? '';
      expect(PARSERS).to.have.property(component);
      expect(judge.request(component, media.example)).to.equal('');
      PARSERS[component]?.(media.example);
    });
  }

  const fn = { service: 'a', image: 'b' };
  /** What the schema and the parser agree upon; what only the parser can know (two fields that clash) is not here. */
  const BODIES: readonly (readonly [component: string, value: unknown, isValid: boolean])[] = [
    ['FunctionDeployment', fn, true],
    ['FunctionDeployment', { ...fn, labels: null, annotations: null, envVars: null, secrets: null }, true],
    ['FunctionDeployment', { ...fn, constraints: null, readOnlyRootFilesystem: null }, true],
    ['FunctionDeployment', { ...fn, somethingNewer: { a: 1 } }, true],
    ['FunctionDeployment', { service: 'a' }, false],
    ['FunctionDeployment', { image: 'b' }, false],
    ['FunctionDeployment', { ...fn, service: 'A' }, false],
    ['FunctionDeployment', { ...fn, service: '-a' }, false],
    ['FunctionDeployment', { ...fn, service: 'a'.repeat(64) }, false],
    ['FunctionDeployment', { ...fn, labels: { a: 1 } }, false],
    ['FunctionDeployment', { ...fn, labels: [] }, false],
    ['FunctionDeployment', { ...fn, secrets: 'key' }, false],
    ['FunctionDeployment', { ...fn, limits: { memory: 5 } }, false],
    ['FunctionDeployment', { ...fn, readOnlyRootFilesystem: 'yes' }, false],
    ['FunctionDeployment', [], false],
    ['DeleteFunctionRequest', { functionName: 'a' }, true],
    ['DeleteFunctionRequest', {}, false],
    ['ScaleRequest', { replicas: 0 }, true],
    ['ScaleRequest', { replicas: 10_000 }, true],
    ['ScaleRequest', { replicas: 10_001 }, false],
    ['ScaleRequest', { replicas: -1 }, false],
    ['ScaleRequest', { replicas: 1.5 }, false],
    ['ScaleRequest', { replicas: '3' }, false],
    ['ScaleRequest', {}, false],
    ['SecretName', { name: 'a.b-c' }, true],
    ['SecretName', { name: 'a..b' }, false],
    ['SecretName', { name: 'A' }, false],
    ['SecretName', { name: `${'a'.repeat(250)}.bcd` }, false],
    ['SecretName', {}, false],
    ['SecretRequest', { name: 'a', rawValue: 'AAEC' }, true],
    ['SecretRequest', { name: 'a', value: 7 }, false],
    ['NamespaceRequest', { name: 'dev', labels: null }, true],
    ['NamespaceRequest', { name: 'dev', annotations: { a: true } }, false],
    ['AlertNotification', { alerts: [] }, true],
    ['AlertNotification', { alerts: [{ status: 'pending', labels: { function_name: 'a' } }] }, false],
    ['AlertNotification', { alerts: [{ status: 'firing', labels: {} }] }, false],
    ['AlertNotification', {}, false],
    ['BuildConfig', { image: 'a', platforms: ['linux/amd64'], deploy: { service: 'a' } }, true],
    ['BuildConfig', { image: 'a', buildArgs: null, skipPush: null, platforms: null }, true],
    ['BuildConfig', { image: 'a', platforms: ['linux/amd64', 'linux/arm64', 'linux/x86_64'] }, true],
    ['BuildConfig', { image: 'a', platforms: ['linux'] }, false],
    ['BuildConfig', {}, false],
  ];
  for (const [component, value, isValid] of BODIES) {
    it(`${component}: ${JSON.stringify(value).slice(0, 90)} is ${isValid ? 'taken' : 'refused'} by both`, () => {
      expect(judge.request(component, value) === '', judge.request(component, value)).to.equal(isValid);
      expect(accepts(component, value), 'the parser').to.equal(isValid);
    });
  }
});

describe('answers as the OpenAPI document has them', () => {
  let control: RunningControlPlane;

  beforeEach(async () => {
    control = await startControlPlane({ counts: { read: async () => new Map([['full.openfaas-fn', 12]]) } });
  });
  afterEach(() => control.close());

  /** One request, whose answer must be as the document says. */
  const ask = async (status: number, method: string, path: string, body?: unknown): Promise<string> => {
    const response = await control.call(method, path, body);
    expect(response.status, `${method} ${path}`).to.equal(status);
    return judge.check(method, path, response);
  };
  const FULL = {
    service: 'full',
    image: 'img:1',
    envProcess: 'cat',
    envVars: { a: 'b' },
    constraints: ['node.role == worker'],
    secrets: ['key'],
    labels: { a: 'b' },
    annotations: { c: 'd' },
    limits: { memory: '64Mi', cpu: '0.5' },
    requests: { memory: '32Mi' },
    readOnlyRootFilesystem: true,
  };

  it('functions, with every field and with none', async () => {
    await ask(202, 'POST', '/system/functions', FULL);
    await ask(202, 'POST', '/system/functions', { service: 'bare', image: 'img:1' });
    await ask(202, 'PUT', '/system/functions', FULL);
    await ask(202, 'POST', '/system/scale-function/bare', { replicas: 2 });
    const list = JSON.parse(await ask(200, 'GET', '/system/functions'));
    expect(list).to.have.length(2);
    expect(JSON.stringify(list)).to.contain('"invocationCount":12');
    await ask(200, 'GET', '/system/function/full');
    await ask(200, 'GET', '/system/function/bare?usage=1');
    await ask(200, 'GET', '/system/functions?usage=1');
    await ask(202, 'DELETE', '/system/functions', { functionName: 'bare' });
  });

  it('failures of functions', async () => {
    await ask(202, 'POST', '/system/functions', { service: 'a', image: 'img:1' });
    await ask(409, 'POST', '/system/functions', { service: 'a', image: 'img:1' });
    await ask(400, 'POST', '/system/functions', '{');
    await ask(400, 'POST', '/system/functions', { service: 'A', image: 'img:1' });
    await ask(413, 'POST', '/system/functions', { service: 'a', image: 'x'.repeat(2 * 1024 * 1024) });
    await ask(404, 'PUT', '/system/functions', { service: 'none', image: 'img:1' });
    await ask(404, 'DELETE', '/system/functions', { functionName: 'none' });
    await ask(404, 'GET', '/system/function/none');
    await ask(400, 'GET', '/system/function/a.x?namespace=y');
    await ask(404, 'POST', '/system/scale-function/none', { replicas: 1 });
    await ask(400, 'POST', '/system/scale-function/a', { replicas: -1 });
    await ask(400, 'GET', '/system/functions?namespace=NO');
  });

  it('namespaces', async () => {
    await ask(200, 'GET', '/system/namespaces');
    await ask(201, 'POST', '/system/namespace/', { name: 'dev', labels: { a: 'b' } });
    await ask(201, 'POST', '/system/namespace/test');
    await ask(409, 'POST', '/system/namespace/dev');
    await ask(200, 'GET', '/system/namespace/dev');
    await ask(404, 'GET', '/system/namespace/none');
    await ask(202, 'PUT', '/system/namespace/dev', { annotations: { c: 'd' } });
    await ask(404, 'PUT', '/system/namespace/none', {});
    await ask(400, 'PUT', '/system/namespace/dev', { name: 'other' });
    await ask(202, 'POST', '/system/functions', { service: 'a', image: 'img:1', namespace: 'dev' });
    await ask(409, 'DELETE', '/system/namespace/dev');
    await ask(202, 'DELETE', '/system/namespace/dev?force=true');
    await ask(404, 'DELETE', '/system/namespace/dev');
    await ask(400, 'DELETE', '/system/namespace/openfaas-fn');
  });

  it('secrets', async () => {
    await ask(201, 'POST', '/system/secrets', { name: 'api', value: 'v' });
    await ask(409, 'POST', '/system/secrets', { name: 'api', value: 'v' });
    await ask(200, 'PUT', '/system/secrets', { name: 'api', rawValue: 'AAEC' });
    await ask(404, 'PUT', '/system/secrets', { name: 'none', value: 'v' });
    expect(JSON.parse(await ask(200, 'GET', '/system/secrets'))).to.deep.include({
      name: 'api',
      namespace: 'openfaas-fn',
    });
    await ask(400, 'GET', '/system/secrets?namespace=none');
    await ask(202, 'POST', '/system/functions', { service: 'a', image: 'img:1', secrets: ['api'] });
    await ask(409, 'DELETE', '/system/secrets', { name: 'api' });
    await ask(202, 'DELETE', '/system/functions', { functionName: 'a' });
    await ask(202, 'DELETE', '/system/secrets', { name: 'api' });
    await ask(404, 'DELETE', '/system/secrets', { name: 'api' });
    await ask(413, 'POST', '/system/secrets', { name: 'api', value: 'x'.repeat(5 * 1024 * 1024) });
  });

  it('logs', async () => {
    await ask(422, 'GET', '/system/logs');
    await ask(422, 'GET', '/system/logs?name=a&tail=many');
    await ask(404, 'GET', '/system/logs?name=none');
    const line = {
      name: 'a',
      namespace: 'openfaas-fn',
      instance: 'r1',
      timestamp: '2026-01-31T12:00:00.123456789Z',
      text: 'hello',
    };
    expect(judge.answer('LogLine', line)).to.equal('');
  });

  it('builds', async () => {
    await ask(200, 'POST', '/system/build', 'tar');
    const response = await control.call('POST', '/system/build', 'tar', { accept: 'application/x-ndjson' });
    await judge.check('POST', '/system/build', response);
  });

  it('info, health, and what is open', async () => {
    await ask(200, 'GET', '/system/info');
    await ask(200, 'GET', '/system/health');
    await ask(200, 'GET', '/healthz');
    await ask(200, 'GET', '/');
    await ask(200, 'POST', '/system/alert', { alerts: [] });
    await ask(400, 'POST', '/system/alert', {});
    await ask(400, 'POST', '/system/alert', { alerts: [{ status: 'none' }] });
  });

  it('alerts that could not be applied', async () => {
    await ask(202, 'POST', '/system/functions', { service: 'a', image: 'img:1' });
    control.provider.cluster.goDown();
    const alerts = [{ status: 'firing', labels: { function_name: 'a' } }];
    await ask(500, 'POST', '/system/alert', { alerts });
  });

  it('what is answered while the cluster is away', async () => {
    control.provider.cluster.goDown();
    for (const { method, path, operation } of operations) {
      if (operation.responses['503'] === undefined || operation.security?.length === 0) continue;
      if (path === '/system/build' || path === '/build') continue; // begins without the cluster
      if (operation.tags[0] === 'calls') continue; // NATS has them, not the cluster
      const body = operation.requestBody?.content['application/json']?.example;
      const asked = path.replace('{name}', path.includes('namespace') ? 'media' : 'resize.media');
      const query = path === '/system/logs' ? '?name=resize' : '';
      if (path === '/system/logs') continue; // the fake's logs are not the cluster's
      await ask(503, method, asked + query, body);
    }
  });

  it('fail where a field that must be there is not, and where one is that nobody tells of', () => {
    const status = {
      name: 'a',
      namespace: 'openfaas-fn',
      image: 'img:1',
      labels: {},
      annotations: {},
      replicas: 1,
      availableReplicas: 0,
      createdAt: '2026-01-31T12:00:00Z',
    };
    expect(judge.answer('FunctionStatus', status)).to.equal('');
    for (const field of Object.keys(status)) {
      const { [field as keyof typeof status]: _, ...rest } = status;
      expect(judge.answer('FunctionStatus', rest), field).to.contain('must have required property');
    }
    expect(judge.answer('FunctionStatus', { ...status, mood: 'good' })).to.contain('additional properties');
    expect(
      judge.answer('FunctionStatus', { ...status, rollout: { state: 'failed', error: 'exit 1' } }),
    ).to.equal('');
    expect(judge.answer('FunctionStatus', { ...status, rollout: { state: 'paused' } })).to.not.equal('');
    expect(
      judge.answer('FunctionStatus', { ...status, usage: { cpu: 1.5, totalMemoryBytes: 1e6 } }),
    ).to.equal('');
    expect(judge.answer('FunctionStatus', { ...status, usage: { cpu: 1.5 } })).to.not.equal('');
  });

  it('take the credentials that the document asks for', async () => {
    expect(document.components.securitySchemes['basic']).to.include({ type: 'http', scheme: 'basic' });
    const token = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString('base64');
    const response = await fetch(`${control.url}/system/info`, {
      headers: { authorization: `Basic ${token}` },
    });
    expect(response.status).to.equal(200);
  });
});
