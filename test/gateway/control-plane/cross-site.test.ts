import { expect } from 'chai';
import { type RunningControlPlane, startControlPlane } from '../../support/control-plane.ts';

describe('changes that a web page asks for, with the password that the browser keeps', () => {
  let control: RunningControlPlane;

  beforeEach(async () => {
    control = await startControlPlane();
  });
  afterEach(() => control.close());

  const deployment = { service: 'echo', image: 'echo:1' };
  const deployWith = (headers: Record<string, string>): Promise<Response> =>
    control.call('POST', '/system/functions', deployment, headers);
  const own = (): string => new URL(control.url).host;

  const FOREIGN: readonly (readonly [string, Record<string, string>])[] = [
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of another name of the same domain', { 'sec-fetch-site': 'same-site' }],
    ['of another site, in an old browser', { origin: 'http://evil.example' }],
    ['of the same machine on another port', { origin: 'http://127.0.0.1:1' }],
    ['that is nobody’s', { origin: 'null' }],
    ['that says what is no origin', { origin: 'evil' }],
  ];
  for (const [what, headers] of FOREIGN) {
    it(`are refused to a page ${what}`, async () => {
      const response = await deployWith({ 'content-type': 'text/plain', ...headers });
      expect(response.status).to.equal(403);
      expect(response.headers.get('x-skep-error')).to.equal('cross_site_request');
      expect(await response.text()).to.include('skep');
      expect(control.provider.cluster.calls).to.deep.equal([]);
    });
  }

  it('are refused with every method and on every path that changes anything', async () => {
    for (const [method, path] of [
      ['PUT', '/system/functions'],
      ['DELETE', '/system/functions'],
      ['POST', '/system/scale-function/echo'],
      ['POST', '/system/secrets'],
      ['POST', '/system/build'],
      ['POST', '/system/alert'],
      ['DELETE', '/async-function/9817b013-1724-81fa-8092-000000000005'],
    ] as const) {
      const response = await control.call(method, path, {}, { 'sec-fetch-site': 'cross-site' });
      expect(response.status, `${method} ${path}`).to.equal(403);
    }
  });

  it('are done for who is no browser, for a page of this gateway, also behind a proxy, and for a person', async () => {
    const allowed: readonly Record<string, string>[] = [
      {},
      { 'sec-fetch-site': 'same-origin', origin: `http://${own()}` },
      { origin: `http://${own()}` },
      { origin: 'https://skep.example', 'x-forwarded-host': 'skep.example' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const [index, headers] of allowed.entries()) {
      const response = await control.call(
        'POST',
        '/system/functions',
        { ...deployment, service: `echo-${index}` },
        headers,
      );
      expect(response.status, JSON.stringify(headers)).to.equal(202);
    }
  });

  it('leave reading as it was: another page cannot see the answer', async () => {
    const response = await control.call('GET', '/system/functions', undefined, {
      'sec-fetch-site': 'cross-site',
    });
    expect(response.status).to.equal(200);
  });
});
