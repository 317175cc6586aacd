import { expect } from 'chai';
import { toVersion } from '../../../gateway/processes/version.ts';

describe('what a replica is started from', () => {
  const ref = { name: 'p', namespace: 'n' };
  const runnable = { folder: '/work/p', env: { fprocess: 'cat', healthcheck_interval: '3s' }, version: '1' };
  const parts = (changes: object = {}) => ({
    ref,
    deployment: { service: 'p', image: 'a', ...changes },
    runnable,
    inherited: { PATH: '/bin' },
    secrets: undefined,
  });

  it('is the machine’s environment, over it the source’s, the deployment’s and the platform’s', () => {
    const { env } = toVersion(parts({ envProcess: 'wc', envVars: { PATH: '/own', port: '1' } }));
    expect(env).to.deep.equal({
      PATH: '/own',
      fprocess: 'wc',
      healthcheck_interval: '500ms',
      OPENFAAS_NAME: 'p',
      OPENFAAS_NAMESPACE: 'n',
      port: '1',
    });
  });

  it('may finish its work in the time that the function’s own settings give', () => {
    expect(toVersion(parts()).stopGraceMs).to.equal(31_500);
    const own = { envVars: { healthcheck_interval: '2s', write_timeout: '1m' } };
    expect(toVersion(parts(own)).stopGraceMs).to.equal(63_000);
    expect(toVersion(parts({ envVars: { write_timeout: 'nonsense' } })).stopGraceMs).to.equal(31_500);
  });

  it('has the paths of its secrets moved to its own copies, and nothing that only looks like one', () => {
    const deployment = {
      envProcess: 'cat /var/openfaas/secrets/a /var/openfaas/secrets',
      envVars: {
        list: '/var/openfaas/secrets/a:/var/openfaas/secrets/b',
        no: '/x/var/openfaas/secrets/a',
        neither: '/var/openfaas/secrets2/a',
      },
    };
    const secrets = { folder: '/home/my $& project/s', digest: '' };
    expect(toVersion({ ...parts(deployment), secrets }).env).to.deep.include({
      fprocess: 'cat ../../home/my $& project/s/a ../../home/my $& project/s',
      list: '/home/my $& project/s/a:/home/my $& project/s/b',
      no: '/x/var/openfaas/secrets/a',
      neither: '/var/openfaas/secrets2/a',
      SKEP_SECRETS: '/home/my $& project/s',
    });
    const near = { folder: '/home/my project/.skep/s', digest: '' };
    const within = { ...runnable, folder: '/home/my project/.skep/dev/p' };
    const { env } = toVersion({ ...parts(deployment), runnable: within, secrets: near });
    expect(env['fprocess']).to.equal('cat ../../s/a ../../s');
  });

  it('is the same as another when nothing that runs is another', () => {
    const of = (changes: object, more: object = {}) => toVersion({ ...parts(changes), ...more }).fingerprint;
    const first = of({ labels: { a: '1' } });
    expect(of({ labels: { a: '2' }, annotations: { b: '1' }, registryAuth: 'x' })).to.equal(first);
    expect(of({ envVars: { a: '1' } })).to.not.equal(first);
    expect(of({}, { runnable: { ...runnable, version: '2' } })).to.not.equal(first);
    expect(of({}, { secrets: { folder: '/s', digest: '1' } })).to.not.equal(
      of({}, { secrets: { folder: '/t', digest: '2' } }),
    );
    expect(of({}, { secrets: { folder: '/s', digest: '1' } })).to.equal(
      of({}, { secrets: { folder: '/t', digest: '1' } }),
    );
  });

  it('does not keep the password for a registry', () => {
    expect(toVersion(parts({ registryAuth: 'dTpw' })).deployment).to.not.have.property('registryAuth');
  });
});
