import { join } from 'node:path';
import { expect } from 'chai';
import { describeTour } from './tour.ts';

describeTour('session', (tour) => {
  it('is refused without a login, and says what to do', async () => {
    const said = await tour().refuses(['list'], {
      env: { OPENFAAS_CONFIG: join(tour().folder.path, '.nothing') },
    });
    expect(said).to.match(/unauthorized access, run "faas-cli login"/i);
  });

  it('refuses a wrong password', async () => {
    const said = await tour().refuses(['login', '--password-stdin'], { stdin: `${tour().password}x` });
    expect(said).to.match(/either username or password is incorrect/i);
  });

  it('takes the password of the admin', async () => {
    const said = await tour().does(['login', '--password-stdin'], { stdin: tour().password });
    expect(said).to.contain(`credentials saved for admin ${tour().platform.url}`);
    await tour().does(['list']);
  });

  it('is ready: the gateway answers', async () => {
    expect(await tour().does(['ready'])).to.contain('OpenFaaS gateway is ready');
  });

  // Without --warn-update=false it asks the internet for its own newest version, and fails where there is none.
  it('shows the versions of gateway and provider', async () => {
    const said = await tour().does(['version', '--warn-update=false']);
    expect(said).to.contain(` uri:     ${tour().platform.url}\n`);
    expect(said).to.match(/Gateway\n.*\n version: \S+\n sha: {5}\S+\n/);
    expect(said).to.match(
      /Provider\n name: {10}\S+\n orchestration: swarm\n version: {7}\S+ ?\n sha: {11}\S+\n/,
    );
  });

  it('shows them as JSON, as the gateway told them', async () => {
    const said = JSON.parse(await tour().does(['version', '--json', '--warn-update=false'])) as Record<
      string,
      Record<string, string>
    >;
    const info = (await (await tour().platform.request('/system/info')).json()) as {
      provider: { provider: string; orchestration: string; version: { release: string; sha: string } };
      version: { release: string; sha: string };
    };
    expect(said['gateway']).to.include({ version: info.version.release, sha: info.version.sha });
    expect(said['provider']).to.include({
      name: info.provider.provider,
      orchestration: info.provider.orchestration,
      version: info.provider.version.release,
      sha: info.provider.version.sha,
    });
  });

  it('logs out, and is refused again', async () => {
    expect(await tour().does(['logout'])).to.contain(`credentials removed for ${tour().platform.url}`);
    expect(await tour().refuses(['list'])).to.match(/unauthorized access/i);
  });
});
