import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FakeService, FakeSwarm } from './support/fake-docker.ts';
import { type Ran, Workplace } from './support/run-skep.ts';
import type { ScriptedGateway } from './support/scripted-gateway.ts';

const OLD = 'the-former-password';

describe('skep admin', () => {
  let place: Workplace;
  let gateway: ScriptedGateway;
  beforeEach(async () => {
    place = new Workplace();
    gateway = await place.startGateway();
  });
  afterEach(() => place.remove());

  describe('health', () => {
    const report = (status: string) => ({
      status,
      version: { release: '1.2.3', sha: 'abc' },
      checks: {
        engine: { ok: true, detail: 'Docker 20.10.24, API 1.41', millis: 3 },
        nats: {
          ok: status === 'ok',
          ...(status === 'ok' ? { detail: 'NATS 2.9' } : { error: 'a\nb' }),
          millis: 12,
        },
      },
      table: { readAt: '2026-01-31T12:00:00Z', ageMillis: 412 },
    });
    const health = (...args: string[]) => place.skep(['admin', 'health', ...args]);

    it('prints a table, and ends with 0 when all is well', async () => {
      gateway.answer = () => ({ status: 200, body: JSON.stringify(report('ok')) });
      const ran = await health();
      expect(ran.stdout).to.equal(
        [
          `Gateway ${gateway.url}, version 1.2.3: ok`,
          'CHECK       STATE       TIME  DETAIL',
          'engine      ok          3 ms  Docker 20.10.24, API 1.41',
          'nats        ok         12 ms  NATS 2.9',
          'functions   ok                the cluster was last read 0.4 s ago',
          '',
        ].join('\n'),
      );
      expect(ran.exitCode).to.equal(0);
      expect(gateway.calls).to.deep.equal(['GET /system/health']);
    });

    for (const [status, code] of [
      ['degraded', 200],
      ['down', 503],
    ] as const) {
      it(`ends with 1 when it is ${status}, and says what is not well`, async () => {
        gateway.answer = () => ({ status: code, body: JSON.stringify(report(status)) });
        const ran = await health();
        expect(ran.exitCode).to.equal(1);
        expect(ran.stdout)
          .to.include(`version 1.2.3: ${status}\n`)
          .and.include('nats        failed     12 ms  a b\n');
      });
    }

    it('prints the report as JSON, with the same exit code', async () => {
      gateway.answer = () => ({ status: 503, body: JSON.stringify(report('down')) });
      const ran = await health('--json');
      expect(JSON.parse(ran.stdout)).to.deep.equal(report('down'));
      expect(ran.exitCode).to.equal(1);
    });

    it('says that nothing was read yet', async () => {
      gateway.answer = () => ({ status: 503, body: JSON.stringify({ ...report('down'), table: {} }) });
      expect((await health()).stdout).to.match(/functions +failed +the cluster has not been read/);
    });

    for (const [what, reply, words] of [
      ['wants a login', { status: 401 }, 'skep login --gateway'],
      ['is of another kind', { status: 404 }, 'does not tell its health'],
      ['answers nonsense', { status: 200, body: '<html>' }, 'no report: <html>'],
      ['answers JSON that is no report', { status: 200, body: '{"status":"fine"}' }, 'no report'],
      ['fails', { status: 502, body: 'no upstream' }, '502 Bad Gateway, no report: no upstream'],
    ] as const) {
      it(`says so where the gateway ${what}`, async () => {
        gateway.answer = () => reply;
        const ran = await health();
        expect(ran.exitCode).to.equal(1);
        expect(ran.stdout).to.include(words);
      });
    }

    it('says that nothing answers', async () => {
      const ran = await health('--gateway', 'http://127.0.0.1:1');
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).to.include('Cannot reach http://127.0.0.1:1');
    });
  });

  describe('rotate-password', () => {
    const service = (changes: Partial<FakeService> = {}): FakeService => ({
      secret: 'basic-auth-password',
      running: 'basic-auth-password',
      replicas: 1,
      ...changes,
    });
    const swarm = (): FakeSwarm => JSON.parse(place.read('swarm.json'));
    const change = (apply: (swarm: FakeSwarm) => void): void => {
      const next = swarm();
      apply(next);
      place.write('swarm.json', JSON.stringify(next));
    };
    const rotate = (args: readonly string[] = [], stdin = ''): Promise<Ran> =>
      place.skep(['admin', 'rotate-password', ...args], stdin);
    const home = (name: string): string => join('.home', '.skep', name);
    const savedPassword = (): string => place.read(home('admin-password'));
    const isBegun = (): boolean => existsSync(join(place.path, home('admin-password.next')));
    /** Secrets by the password that they hold. */
    const mounted = (): Record<string, string> =>
      Object.fromEntries(Object.entries(swarm().services).map(([name, { secret }]) => [name, secret]));

    beforeEach(() => {
      place.write(
        'swarm.json',
        JSON.stringify({
          isManager: true,
          secrets: {
            'basic-auth-user': 'admin',
            'basic-auth-password': OLD,
            'basic-auth-password_vault': 'x',
          },
          services: {
            skep_gateway: service(),
            skep_alertmanager: service(),
            skep_grafana: service({ replicas: 0, env: ['GF_SECURITY_ADMIN_PASSWORD__FILE=x'] }),
            skep_nats: service({ secret: 'other', running: 'other' }),
          },
          usedElsewhere: [],
          failing: [],
        } satisfies FakeSwarm),
      );
      const fake = join(import.meta.dirname, 'support', 'fake-docker.ts');
      place.addDocker(`exec "${process.execPath}" "${fake}" "${place.path}/swarm.json" "$@"`);
      // The gateway takes what its running replicas have mounted.
      gateway.answer = ({ url, headers }) => {
        if (url === '/healthz') return { status: 200, body: 'OK' };
        const { secrets, services } = swarm();
        const password = secrets[services['skep_gateway']?.running ?? ''];
        const token = Buffer.from(`admin:${password}`).toString('base64');
        return { status: headers['authorization'] === `Basic ${token}` ? 200 : 401, body: '{}' };
      };
      place.write(home('admin-password'), `${OLD}\n`, 0o600);
    });

    it('makes a new version, and moves every service that mounts the password to it', async () => {
      const ran = await rotate();
      expect(ran.exitCode, ran.stdout + ran.stderr).to.equal(0);
      expect(mounted()).to.deep.equal({
        skep_gateway: 'basic-auth-password_v2',
        skep_alertmanager: 'basic-auth-password_v2',
        skep_grafana: 'basic-auth-password_v2',
        skep_nats: 'other',
      });
      const { secrets } = swarm();
      const password = secrets['basic-auth-password_v2'] ?? '';
      expect(password).to.match(/^[0-9a-f]{40}$/);
      // Whoever names the secret without a version gets the password that holds.
      expect(secrets).to.deep.equal({
        'basic-auth-user': 'admin',
        'basic-auth-password_vault': 'x',
        'basic-auth-password_v2': password,
        'basic-auth-password': password,
      });
      expect(savedPassword()).to.equal(`${password}\n`);
      expect(isBegun()).to.equal(false);
    });

    it('prints the password nowhere, and gives it to no command line', async () => {
      const ran = await rotate();
      const password = savedPassword().trim();
      expect(ran.stdout + ran.stderr).to.not.include(password);
      expect(place.read('calls')).to.not.include(password);
    });

    it('prints nothing but the password to stdout where it is asked to', async () => {
      const ran = await rotate(['--print']);
      expect(ran.stdout).to.equal(savedPassword());
      expect(ran.stderr).to.include('The gateway takes the new password');
    });

    it('saves password and login so that only their owner reads them, and the login works', async () => {
      await rotate();
      for (const path of [home('admin-password'), '.home/.openfaas/config.yml']) {
        expect(statSync(join(place.path, path)).mode & 0o777, path).to.equal(0o600);
      }
      const ran = await place.skep(['admin', 'health']);
      expect(gateway.received.at(-1)?.headers['authorization']).to.be.a('string');
      expect(ran.stdout).to.not.include('unauthorized');
    });

    it('takes the password from stdin, without its line end', async () => {
      expect((await rotate(['--password-stdin'], 'correct horse\n')).exitCode).to.equal(0);
      expect(savedPassword()).to.equal('correct horse\n');
      expect(swarm().secrets['basic-auth-password_v2']).to.equal('correct horse');
    });

    for (const [what, text] of [
      ['an empty one', '\n'],
      ['one with blanks at its end', 'abc \n'],
      ['two lines', 'abc\ndef\n'],
      ['one that is too long', 'x'.repeat(1001)],
    ] as const) {
      it(`refuses ${what} before anything is done`, async () => {
        const ran = await rotate(['-s'], text);
        expect(ran.exitCode).to.equal(1);
        expect(ran.stdout).to.match(/password/);
        expect(existsSync(join(place.path, 'calls'))).to.equal(false);
      });
    }

    it('rotates again and again', async () => {
      await rotate();
      await rotate();
      const ran = await rotate();
      expect(ran.exitCode).to.equal(0);
      expect(Object.keys(swarm().secrets).sort()).to.deep.equal([
        'basic-auth-password',
        'basic-auth-password_v4',
        'basic-auth-password_vault',
        'basic-auth-user',
      ]);
    });

    it('tries an update again when another writer was faster', async () => {
      change(({ services }) => {
        services['skep_gateway'] = service({ fate: 'out of sequence' });
      });
      expect((await rotate()).exitCode).to.equal(0);
    });

    it('leaves the gateway first and the former password whole when Swarm puts it back; the next run goes on', async () => {
      change(({ services }) => {
        services['skep_gateway'] = service({ fate: 'rolled back' });
      });
      const ran = await rotate();
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout)
        .to.include('put the former version back')
        .and.include('the former password holds')
        .and.include('Run the same command again');
      expect(mounted()['skep_alertmanager']).to.equal('basic-auth-password');
      expect(savedPassword()).to.equal(`${OLD}\n`);
      const next = swarm().secrets['basic-auth-password_v2'];

      const again = await rotate();
      expect(again.exitCode, again.stdout).to.equal(0);
      expect(again.stdout).to.include('Going on with the rotation to basic-auth-password_v2');
      expect(savedPassword()).to.equal(`${next}\n`);
      expect(isBegun()).to.equal(false);
    });

    it('says when the gateway does not start in time, and why', async () => {
      change(({ services }) => {
        services['skep_gateway'] = service({ fate: 'never ready' });
      });
      const ran = await rotate(['--timeout', '1s']);
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).to.include('does not run with the new version after 1 s: task: non-zero exit (1)');
    });

    it('has the new password saved when another service fails; the next run goes on', async () => {
      change(({ services }) => {
        services['skep_alertmanager'] = service({ fate: 'paused' });
      });
      const ran = await rotate();
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout)
        .to.include('Swarm gave up the update of skep_alertmanager')
        .and.include('alerts may not scale');
      expect(savedPassword()).to.equal(`${swarm().secrets['basic-auth-password_v2']}\n`);

      change(({ services }) => {
        services['skep_alertmanager'] = service();
      });
      expect((await rotate()).exitCode).to.equal(0);
      expect(mounted()['skep_alertmanager']).to.equal('basic-auth-password_v2');
      expect(swarm().secrets['basic-auth-password']).to.equal(savedPassword().trim());
    });

    it('begins anew where a broken rotation is met with another password', async () => {
      change(({ services }) => {
        services['skep_gateway'] = service({ fate: 'refused' });
      });
      expect((await rotate()).stdout).to.include('nothing but the secret basic-auth-password_v2 was made');
      expect((await rotate(['-s'], 'chosen')).exitCode).to.equal(0);
      expect(mounted()['skep_gateway']).to.equal('basic-auth-password_v3');
      expect(swarm().secrets).to.not.have.property('basic-auth-password_v2');
      expect(savedPassword()).to.equal('chosen\n');
    });

    it('begins anew where a rotation was broken off on another machine', async () => {
      change(({ secrets, services }) => {
        secrets['basic-auth-password_v2'] = 'nobody here knows it';
        services['skep_gateway'] = service({
          secret: 'basic-auth-password_v2',
          running: 'basic-auth-password_v2',
        });
      });
      expect((await rotate()).exitCode).to.equal(0);
      expect(new Set(Object.values(mounted()))).to.deep.equal(new Set(['basic-auth-password_v3', 'other']));
    });

    it('changes nothing when the new secret cannot be made', async () => {
      change((swarm) => swarm.failing.push('secret create'));
      const ran = await rotate();
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).to.include('secret create fails').and.include('Nothing was changed');
      expect(isBegun()).to.equal(false);
    });

    it('warns of a former version that something else uses, and says what that means', async () => {
      change((swarm) => swarm.usedElsewhere.push('basic-auth-password'));
      const ran = await rotate();
      expect(ran.exitCode).to.equal(0);
      expect(ran.stderr)
        .to.include('in use by the following service: dev')
        .and.include('SKEP_PASSWORD_SECRET=basic-auth-password_v2');
      expect(swarm().secrets['basic-auth-password']).to.equal(OLD);
      // Once nothing uses it any more, the next rotation takes it away.
      change((swarm) => swarm.usedElsewhere.pop());
      expect((await rotate()).stderr).to.equal('');
      expect(swarm().secrets['basic-auth-password']).to.equal(savedPassword().trim());
    });

    it('says that Grafana keeps the password of its first start, where it runs', async () => {
      expect((await rotate()).stderr).to.equal('');
      change(({ services }) => {
        const grafana = services['skep_grafana'];
        if (grafana !== undefined) grafana.replicas = 1;
      });
      expect((await rotate()).stderr)
        .to.include('skep_grafana keeps')
        .and.include('reset-admin-password');
    });

    it('says so when the gateway is another one, whose password it is not', async () => {
      const open = gateway.answer;
      gateway.answer = (request) => (request.url === '/healthz' ? open(request) : { status: 401 });
      const ran = await rotate(['--timeout', '1s']);
      expect(ran.stdout).to.include('Is it the gateway of this stack (--gateway, --username)?');
      expect(savedPassword()).to.equal(`${OLD}\n`);
    });

    const refusals: readonly (readonly [string, Partial<FakeSwarm>, string])[] = [
      ['no manager', { isManager: false }, 'run this on a manager'],
      ['no such stack', { services: {} }, 'no service skep_gateway'],
      ['an engine that fails', { failing: ['info'] }, 'ocker info: info fails'],
    ];
    for (const [what, changes, words] of refusals) {
      it(`refuses ${what}, and changes nothing`, async () => {
        change((swarm) => void Object.assign(swarm, changes));
        const before = swarm().secrets;
        const ran = await rotate();
        expect(ran.exitCode).to.equal(1);
        expect(ran.stdout).to.include(words);
        expect(swarm().secrets).to.deep.equal(before);
      });
    }

    it('begins nothing when the gateway does not answer', async () => {
      const ran = await rotate(['--gateway', 'http://127.0.0.1:1']);
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).to.include('Cannot reach http://127.0.0.1:1');
      expect(Object.keys(swarm().secrets)).to.have.length(3);
    });

    it('says that docker is missing', async () => {
      place.env['PATH'] = '/nowhere';
      expect((await rotate()).stdout).to.include('docker is not installed');
    });

    it('says what to do about a damaged file of a broken rotation', async () => {
      place.write(home('admin-password.next'), '{', 0o600);
      const ran = await rotate();
      expect(ran.exitCode).to.equal(1);
      expect(ran.stdout).to.include('admin-password.next is damaged: delete it');
    });
  });
});
