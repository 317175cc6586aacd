import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { buildSecretsStack, withBuildSecrets } from '../../scripts/platform/build-secrets.ts';

describe("an operator's secrets for builds", () => {
  it('are given to the gateway where they were made, under the names of its files', async () => {
    let file = '';
    await withBuildSecrets(
      async ([path = '', ...more]) => {
        file = path;
        expect(more).to.deep.equal([]);
        expect(JSON.parse(readFileSync(path, 'utf8'))).to.deep.equal({
          version: '3.8',
          services: {
            gateway: {
              secrets: [
                { source: 'skep-payload-secret', target: 'payload-secret' },
                { source: 'skep-registry-logins', target: 'config.json' },
              ],
            },
          },
          secrets: {
            'skep-payload-secret': { external: true, name: 'skep-payload-secret' },
            'skep-registry-logins': { external: true, name: 'skep-registry-logins' },
          },
        });
      },
      async () => ['skep-registry-logins', 'other', 'skep-payload-secret', 'payload-secret'],
    );
    expect(existsSync(file)).to.equal(false);
  });

  it('change nothing where there are none', async () => {
    const given: (readonly string[])[] = [];
    await withBuildSecrets(
      async (files) => void given.push(files),
      async () => ['basic-auth-password', 'payload-secret'],
    );
    expect(given).to.deep.equal([[]]);
    expect(buildSecretsStack(['skep-builder-key']).services.gateway.secrets).to.have.length(1);
  });
});
