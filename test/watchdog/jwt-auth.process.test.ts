import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { RawPeer } from '../http1/raw-peer.ts';
import { Authority, forge, makeKey, now, permit, type SigningKey, sign } from './authority.ts';
import { startRaw, stopRawUpstreams } from './http-upstream.ts';
import { type Env, startWatchdog, stopWatchdogs, until, type Watchdog } from './start-watchdog.ts';

const REALM = 'Bearer realm=IAM function invoke';

// What holds for OpenFaaS's watchdogs, too, was seen on them; the corrections of docs/watchdog.md did not hold there.
describe('jwt_auth', () => {
  let ec: SigningKey;
  let rsa: SigningKey;
  let stranger: SigningKey;
  let authority: Authority;
  let watchdog: Watchdog;

  before(async () => {
    [ec, rsa, stranger] = await Promise.all([makeKey('ec'), makeKey('rsa', 'RS256'), makeKey('ec')]);
  });
  beforeEach(async () => {
    authority = await new Authority(ec, rsa).listen();
  });
  afterEach(async () => {
    await stopWatchdogs();
    await authority.close();
  });

  const start = (env: Env = {}, waits = true): Promise<Watchdog> =>
    startWatchdog(
      {
        fprocess: 'env',
        jwt_auth: 'true',
        jwt_auth_authority: authority.url,
        OPENFAAS_NAME: 'env',
        OPENFAAS_NAMESPACE: 'dev',
        ...env,
      },
      { waits },
    );
  const call = (token?: string, path = '/'): Promise<Response> =>
    fetch(
      `${watchdog.url}${path}`,
      token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } },
    );

  describe('a call', () => {
    beforeEach(async () => {
      watchdog = await start();
    });

    type Token = () => Promise<string> | string;
    const good = (claims = {}, header = {}): Promise<string> => sign(authority.issuer, ec, claims, header);
    const allowed: Record<string, Token> = {
      'signed by ES256': () => good(),
      'signed by RS256': () => sign(authority.issuer, rsa),
      'that names this function alone': () => good(permit('dev:env')),
      'whose audience is one text': () => good({ aud: authority.issuer }),
      'whose audience has others, too': () => good({ aud: ['https://else.example', authority.issuer] }),
      'that is about to expire': () => good({ exp: now() + 1 }),
      'that begins in this second': () => good({ nbf: now() }),
      'meant for this function': () => good({ function: { permissions: ['*'], audience: ['dev:*'] } }),
    };
    for (const [what, token] of Object.entries(allowed)) {
      it(`with a token ${what} runs`, async () => {
        const response = await call(await token());
        expect(response.status, await response.clone().text()).to.equal(200);
      });
    }

    const claims = (): object => ({
      iss: authority.issuer,
      aud: [authority.issuer],
      exp: now() + 60,
      ...permit('*'),
    });
    const refused: Record<string, Token> = {
      'that is no token': () => 'abc',
      'of two parts': async () => (await good()).split('.').slice(0, 2).join('.'),
      'whose claims were changed': async () => {
        const [head, , signature] = (await good(permit('dev:other'))).split('.');
        const body = Buffer.from(JSON.stringify(claims())).toString('base64url');
        return `${head}.${body}.${signature}`;
      },
      'without a signature': async () => `${(await good()).split('.').slice(0, 2).join('.')}.`,
      'signed by a stranger': () => sign(authority.issuer, stranger),
      'of algorithm none': () => forge({ alg: 'none', kid: 'ec' }, claims()),
      'of algorithm None': () => forge({ alg: 'None', kid: 'ec' }, claims()),
      'signed by HS256 with the public key as secret': () =>
        forge({ alg: 'HS256', kid: 'rsa' }, claims(), rsa.publicPem),
      'that says RS256 for a key of ES256': () => forge({ alg: 'RS256', kid: 'ec' }, claims(), 'x'),
      'signed by PS256': async () => sign(authority.issuer, await makeKey('rsa', 'PS256')),
      'signed by ES384': async () => sign(authority.issuer, await makeKey('ec', 'ES384')),
      'without kid': () => good({}, { kid: undefined }),
      'whose kid nobody knows': () => good({}, { kid: 'other' }),
      'whose kid is no text': () => forge({ alg: 'ES256', kid: 7 }, claims(), 'x'),
      'that asks for an extension': () => good({}, { crit: ['x'], x: 1 }).catch(() => 'unsignable.x.x'),
      'that brings its own key': () => {
        const header = { alg: 'ES256', kid: 'mine', jwk: stranger.publicJwk, jku: 'http://127.0.0.1:1/' };
        return sign(authority.issuer, stranger, {}, header);
      },
      'that has expired': () => good({ exp: now() - 3 }),
      'without exp': () => good({ exp: undefined }),
      'not valid yet': () => good({ nbf: now() + 30 }),
      'of another issuer': () => good({ iss: 'https://else.example' }),
      'without issuer': () => good({ iss: undefined }),
      'for another audience': () => good({ aud: ['https://else.example'] }),
      'without audience': () => good({ aud: undefined }),
      'whose audience only begins like the issuer': () => good({ aud: [`${authority.issuer}.evil`] }),
      'whose permissions are no list': () => good({ function: { permissions: '*' } }),
    };
    for (const [what, token] of Object.entries(refused)) {
      it(`with a token ${what} is answered 401 and runs nothing`, async () => {
        const response = await call(await token());
        expect(response.status).to.equal(401);
        expect(response.headers.get('www-authenticate')).to.equal(REALM);
        expect(response.headers.get('x-openfaas-internal')).to.equal('faas-middleware');
        expect(await response.text()).to.match(/^failed to parse JWT token: .+\n$/);
        expect(watchdog.log()).not.to.contain('Forking fprocess.');
      });
    }

    const forbidden: Record<string, Token> = {
      'without the claim function': () => good({ function: undefined }),
      'that permits nothing': () => good(permit()),
      'that permits another function': () => good(permit('dev:other')),
      'that permits one whose name begins like this one': () => good(permit('dev:en', 'dev:env-2')),
      'that permits one in a namespace that ends like this one': () => good(permit('ev:env')),
      'that permits what looks like an expression for this one': () => good(permit('.+', 'dev:e.v')),
      'meant for another function': () => good({ function: { permissions: ['*'], audience: ['dev:x'] } }),
    };
    for (const [what, token] of Object.entries(forbidden)) {
      it(`with a token ${what} is answered 403 and runs nothing`, async () => {
        const response = await call(await token());
        expect(response.status).to.equal(403);
        expect(response.headers.get('x-openfaas-internal')).to.equal('faas-middleware');
        expect(response.headers.get('www-authenticate')).to.equal(null);
        expect(await response.text()).to.equal('insufficient permissions\n');
        expect(watchdog.log()).not.to.contain('Forking fprocess.');
      });
    }

    for (const value of [undefined, '', 'Basic YTpi', 'Bearer', 'Bearer a b']) {
      it(`with ${value === undefined ? 'no Authorization' : `Authorization "${value}"`} is answered 401`, async () => {
        const response = await fetch(
          watchdog.url,
          value === undefined ? {} : { headers: { Authorization: value } },
        );
        expect(response.status).to.equal(401);
        expect(response.headers.get('www-authenticate')).to.equal(REALM);
        expect(await response.text()).to.equal('Bearer must be present in Authorization header\n');
      });
    }

    it('with two Authorization headers is answered 401: nobody knows which counts', async () => {
      const token = await good();
      const field = `Authorization: Bearer ${token}\r\n`;
      const text = await exchangeRaw(
        `GET / HTTP/1.1\r\nHost: x\r\n${field}${field}Connection: close\r\n\r\n`,
      );
      expect(text).to.match(/^HTTP\/1.1 401 /);
    });

    it('hands the function the time it took, whatever the client said', async () => {
      const response = await fetch(watchdog.url, {
        headers: { Authorization: `Bearer ${await good()}`, 'x-auth-seconds': 'forged' },
      });
      const env = await response.text();
      expect(env)
        .to.match(/^Http_X_Auth_Seconds=\d+\.\d{6}$/m)
        .and.not.to.contain('forged');
      expect(env).to.contain('Http_Authorization=Bearer ');
    });

    it('keeps its body', async () => {
      await stopWatchdogs();
      watchdog = await start({ fprocess: 'cat' });
      const body = 'x'.repeat(3_000_000);
      const response = await fetch(watchdog.url, {
        method: 'POST',
        body,
        headers: { Authorization: `Bearer ${await good()}` },
      });
      expect((await response.text()).length).to.equal(body.length);
    });

    it('that is denied has its line in the log, without the token or the query', async () => {
      const token = await good(permit('dev:other'));
      await call(undefined, '/secret?key=1');
      await call(token, '/path?key=1');
      const log = await watchdog.logged('/path - 403');
      expect(log).to.match(/GET \/secret - 401 ACCESS DENIED - \(\d+\.\d+s\)\n/);
      expect(log).to.match(/GET \/path - 403 ACCESS DENIED - \(\d+\.\d+s\)\n/);
      expect(log).not.to.contain(token.slice(0, 30)).and.not.to.contain('key=1');
    });

    it('that is denied is counted', async () => {
      await call();
      const page = await (await fetch(watchdog.metricsUrl)).text();
      expect(page).to.contain('http_requests_total{code="401",method="get"} 1');
    });

    it('for health needs no token', async () => {
      expect((await fetch(`${watchdog.url}/_/health`)).status).to.equal(200);
      expect((await fetch(`${watchdog.url}/_/ready`)).status).to.equal(200);
    });

    const exchangeRaw = async (request: string): Promise<string> => {
      const socket = connect(Number(new URL(watchdog.url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString();
      });
      socket.write(request);
      await once(socket, 'close');
      return text;
    };
  });

  describe('keys', () => {
    it('that the authority adds while the function runs are taken, and its old ones still hold', async () => {
      watchdog = await start();
      const next = await makeKey('next');
      authority.keys.push(next);
      expect((await call(await sign(authority.issuer, next))).status).to.equal(200);
      expect((await call(await sign(authority.issuer, ec))).status).to.equal(200);
      expect(authority.keyReads).to.equal(2);
    });

    it('that it has rotated away are refused once the new ones were read', async () => {
      watchdog = await start();
      const next = await makeKey('next');
      authority.keys = [next];
      expect((await call(await sign(authority.issuer, next))).status).to.equal(200);
      expect((await call(await sign(authority.issuer, ec))).status).to.equal(401);
    });

    it('that forgers make up do not reach the authority one by one', async () => {
      watchdog = await start();
      const forged = Array.from({ length: 30 }, (_, i) =>
        sign(authority.issuer, stranger, {}, { kid: `f${i}` }),
      );
      const answers = await Promise.all((await Promise.all(forged)).map((token) => call(token)));
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([401]));
      expect(authority.keyReads).to.equal(2);
    });

    it('are remembered when the authority has gone', async () => {
      watchdog = await start();
      await authority.close();
      expect((await call(await sign(authority.issuer, ec))).status).to.equal(200);
      expect((await call(await sign(authority.issuer, stranger, {}, { kid: 'other' }))).status).to.equal(401);
      expect((await call(await sign(authority.issuer, rsa))).status).to.equal(200);
    });
  });

  describe('max_inflight', () => {
    const slow = { fprocess: 'sleep 30', max_inflight: '1' };
    const holdOne = async (): Promise<void> => {
      const token = await sign(authority.issuer, ec);
      void call(token).catch(() => {}); // ended with the watchdog
      await watchdog.logged('Forking');
    };

    it('counts allowed calls alone in the classic mode: who is not allowed learns nothing of the load', async () => {
      watchdog = await start(slow);
      await holdOne();
      expect((await call()).status).to.equal(401);
      expect((await call(await sign(authority.issuer, ec))).status).to.equal(429);
    });

    it("comes before the token in of-watchdog's modes", async () => {
      watchdog = await start({ ...slow, mode: 'streaming' });
      const held = call(await sign(authority.issuer, ec));
      void held.catch(() => {}); // ended with the watchdog
      await until(async () => (await call()).status === 429, 'a call without a token is answered 429');
    });
  });

  describe('mode http', () => {
    const options = (): Env => ({
      jwt_auth: 'true',
      jwt_auth_authority: authority.url,
      OPENFAAS_NAME: 'env',
      OPENFAAS_NAMESPACE: 'dev',
    });
    afterEach(stopRawUpstreams);

    it('passes an allowed call on, whole, with the time the check took', async () => {
      const { watchdog: started, called } = await startRaw(startWatchdog, options());
      watchdog = started;
      const token = await sign(authority.issuer, ec);
      const answer = fetch(watchdog.url, {
        method: 'POST',
        body: 'body',
        headers: { Authorization: `Bearer ${token}`, 'X-Auth-Seconds': 'forged', 'X-Own': '1' },
      });
      const upstream = await called();
      const request = await upstream.untilReceived('body');
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      expect(await (await answer).text()).to.equal('ok');
      expect(request)
        .to.match(/\r\nX-Auth-Seconds: \d+\.\d{6}\r\n/)
        .and.to.match(/x-own: 1\r\n/i);
      expect(request)
        .to.match(new RegExp(`authorization: Bearer ${token}\\r\\n`, 'i'))
        .and.not.to.contain('forged');
    });

    it('tunnels an allowed upgrade, and no other', async () => {
      const { watchdog: started, called, server } = await startRaw(startWatchdog, options());
      watchdog = started;
      const port = Number(new URL(watchdog.url).port);
      const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
      const stranger = await RawPeer.connect(port);
      stranger.send(`${upgrade}\r\n`);
      await stranger.untilReceived('HTTP/1.1 401 ');
      expect(server.peers.every(({ received }) => received === '')).to.equal(true);
      const client = await RawPeer.connect(port);
      client.send(`${upgrade}Authorization: Bearer ${await sign(authority.issuer, ec)}\r\n\r\n`);
      const upstream = await called();
      upstream.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await client.untilReceived('HTTP/1.1 101 ');
      client.send('there');
      await upstream.untilReceived('there');
      upstream.send('and back');
      await client.untilReceived('and back');
    });
  });

  describe('the start', () => {
    it('with jwt_auth_debug tells who calls, never the token', async () => {
      watchdog = await start({ jwt_auth_debug: 'true' });
      const token = await sign(authority.issuer, ec, { sub: 'anna' });
      await call(token);
      const log = await watchdog.logged('anna');
      expect(log).to.contain(`Issuer: ${authority.issuer}`).and.not.to.contain(token.slice(0, 30));
    });

    it('waits a moment for an authority that is not there yet', async () => {
      authority.failsWith = 503;
      watchdog = await start({}, false);
      await watchdog.logged('next attempt');
      authority.failsWith = undefined;
      await watchdog.logged('Listening on port');
    });

    it('fails, and says why, when there is no authority', async () => {
      watchdog = await start(
        { jwt_auth_authority: 'http://127.0.0.1:9/.well-known/openid-configuration' },
        false,
      );
      expect(await watchdog.exited()).to.equal(1);
      expect(watchdog.log()).to.match(
        /cannot start: http:\/\/127.0.0.1:9\/.well-known\/openid-configuration: ./,
      );
    }).timeout(20_000);

    const documents: Record<string, unknown> = {
      'no issuer': { jwks_uri: 'http://127.0.0.1:9/keys' },
      'an empty issuer': { issuer: '', jwks_uri: 'http://127.0.0.1:9/keys' },
      'no jwks_uri': { issuer: 'x' },
      'a jwks_uri that is a file': { issuer: 'x', jwks_uri: 'file:///etc/passwd' },
    };
    for (const [what, document] of Object.entries(documents)) {
      it(`fails at once when the authority's document has ${what}`, async () => {
        authority.configuration = document;
        watchdog = await start({}, false);
        expect(await watchdog.exited()).to.equal(1);
        expect(watchdog.log()).to.contain('cannot start: ').and.to.contain(authority.url);
        expect(authority.configurationReads).to.equal(1);
      });
    }

    it('fails at once when the authority answers 404', async () => {
      authority.failsWith = 404;
      watchdog = await start({}, false);
      expect(await watchdog.exited()).to.equal(1);
      expect(watchdog.log()).to.contain('status 404');
    });

    const wrong: Record<string, readonly [Env, string]> = {
      'without OPENFAAS_NAME': [{ OPENFAAS_NAME: '' }, 'OPENFAAS_NAME'],
      'without a namespace': [{ OPENFAAS_NAMESPACE: '' }, 'OPENFAAS_NAMESPACE'],
      'with a flag that is neither true nor false': [{ jwt_auth: 'yes' }, 'jwt_auth=yes'],
      'with an authority that is no URL': [
        { jwt_auth_authority: 'gateway:8080' },
        'jwt_auth_authority=gateway:8080',
      ],
      'with two authorities': [{ jwt_auth_local: 'true' }, 'jwt_auth_local=true'],
    };
    for (const [what, [env, named]] of Object.entries(wrong)) {
      it(`is refused ${what}`, async () => {
        watchdog = await start(env, false);
        expect(await watchdog.exited()).to.equal(1);
        expect(watchdog.log()).to.contain(named);
        expect(authority.keyReads).to.equal(0);
      });
    }
  });
});
