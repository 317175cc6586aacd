import { expect } from 'chai';
import { createRouter } from '../../../gateway/control-plane/app.ts';
import { isAuthorized, loadCredentials } from '../../../gateway/control-plane/credentials.ts';
import {
  basic,
  CREDENTIALS,
  type RunningControlPlane,
  startControlPlane,
} from '../../support/control-plane.ts';

/** What anybody may ask for. A route that is not on this list must want credentials. */
const OPEN = [
  'GET /healthz',
  'HEAD /healthz',
  'GET /schema/stack.json',
  'HEAD /schema/stack.json',
  'GET /',
  'HEAD /',
  'GET /publickey',
  'HEAD /publickey',
];

describe('authentication', () => {
  let control: RunningControlPlane;

  afterEach(() => control.close());

  it('answers 401 on every route that is not on the list of open ones', async () => {
    control = await startControlPlane();
    const routes = createRouter(control.options).stack.flatMap(({ path, methods }) =>
      methods.map((method) => ({ method, path: String(path) })),
    );
    expect(routes.length).to.be.greaterThan(10);
    for (const { method, path } of routes) {
      const response = await fetch(`${control.url}${path.replace(':name', 'echo')}`, { method });
      const isOpen = OPEN.includes(`${method} ${path}`);
      expect(response.status, `${method} ${path}`).to.equal(isOpen ? 200 : 401);
    }
    expect(control.provider.cluster.calls).to.deep.equal([]);
  });

  it('lets whoever knows the random id of a call cancel it, and nobody guess another', async () => {
    control = await startControlPlane();
    const cancel = async (id: string): Promise<number> =>
      (await fetch(`${control.url}/async-function/${id}`, { method: 'DELETE' })).status;
    // Here is no queue.
    expect(await cancel('9817b013-1724-81fa-8092-000000000005')).to.equal(404);
    for (const id of [
      'cron-echo.openfaas-fn-20261122T011500Z',
      'order-7',
      '3b241101-e2bb-4255-8caf-4136c566a962',
      '9817b013-1724-81fa-8092-000000000005x',
    ]) {
      expect(await cancel(id), id).to.equal(401);
    }
  });

  it('answers exactly as OpenFaaS does', async () => {
    control = await startControlPlane();
    const response = await fetch(`${control.url}/system/functions`);
    expect(response.status).to.equal(401);
    expect(response.headers.get('www-authenticate')).to.equal('Basic realm="Restricted"');
    expect(response.headers.get('x-skep-error')).to.equal('invalid_credentials');
    expect(await response.text()).to.equal('invalid credentials\n');
  });

  it('tells strangers nothing of what there is under /system and /ui', async () => {
    control = await startControlPlane();
    for (const path of ['/system', '/system/', '/system/nothing', '/SYSTEM/functions', '/ui/', '/ui/x.js']) {
      expect((await fetch(control.url + path)).status, path).to.equal(401);
    }
  });

  it('lets no other spelling of a path past it', async () => {
    control = await startControlPlane();
    for (const path of [
      '//system/functions',
      '/%73ystem/functions',
      '/./system/functions',
      '/x/../system/functions',
    ]) {
      const { status } = await fetch(control.url + path);
      expect([401, 404], path).to.include(status);
    }
  });

  it('lets everybody in where basic auth is off', async () => {
    control = await startControlPlane({ credentials: 'open' });
    expect((await fetch(`${control.url}/system/functions`)).status).to.equal(200);
  });

  it('takes a password with colons, blanks and letters beyond ASCII', async () => {
    control = await startControlPlane();
    expect((await control.call('GET', '/system/functions')).status).to.equal(200);
  });
});

describe('isAuthorized', () => {
  const { username, password } = CREDENTIALS;
  const wrong: readonly [string, string | undefined][] = [
    ['no header', undefined],
    ['an empty header', ''],
    ['another scheme', basic(username, password).replace('Basic', 'Bearer')],
    ['what is not base64', 'Basic !!!!'],
    ['no colon', `Basic ${Buffer.from('admin').toString('base64')}`],
    ['nothing but a colon', basic('', '')],
    ['a wrong password', basic(username, `${password}x`)],
    ['the beginning of the password', basic(username, password.slice(0, -1))],
    ['a wrong user', basic('root', password)],
    ['both in the wrong place', basic(password, username)],
    ['two of them', `${basic(username, password)}, ${basic(username, password)}`],
  ];
  for (const [what, header] of wrong) {
    it(`refuses ${what}`, () => {
      expect(isAuthorized(header, CREDENTIALS)).to.equal(false);
    });
  }

  it('takes the scheme in any case', () => {
    expect(isAuthorized(basic(username, password).replace('Basic', 'basic'), CREDENTIALS)).to.equal(true);
  });
});

describe('loadCredentials', () => {
  it('says which file is missing, and what to do', async () => {
    const error = await loadCredentials('/nowhere').catch((reason: unknown) => reason);
    expect((error as Error).message).to.match(
      /^\/nowhere\/basic-auth-user can not be read: create the secret/,
    );
  });
});
