import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { until } from '../support/platform.ts';
import { describeTour } from './tour.ts';

const NAME = 'clients-logs';

describeTour('logs', (tour) => {
  before(async () => {
    await tour().removeFunctions([NAME]);
    await tour().does(['deploy', '--image', await tour().platform.exampleImage(), '--name', NAME]);
    await tour().does(['ready', NAME]);
  });
  after(() => tour().removeFunctions([NAME]));

  it('shows all of it, line by line with the time', async () => {
    const all = await tour().does(['logs', NAME, '--tail=false']);
    expect(all).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*Listening on port: 8080/m);
  });

  it('shows the newest line alone', async () => {
    const newest = await tour().does(['logs', NAME, '--tail=false', '--lines=1']);
    expect(newest.trimEnd().split('\n')).to.have.length(1);
    const [last] = (await tour().does(['logs', NAME, '--tail=false'])).trimEnd().split('\n').slice(-1);
    expect(newest.trimEnd()).to.equal(last);
  });

  it('shows keys and values, with name and replica', async () => {
    const said = await tour().does([
      'logs',
      NAME,
      '--tail=false',
      '--output=keyvalue',
      '--name',
      '--instance',
    ]);
    expect(said).to.match(
      new RegExp(`^timestamp="[^"]+" name="${NAME}" instance="[a-z0-9]{25}" text="`, 'm'),
    );
  });

  it('shows JSON', async () => {
    const [json = ''] = (await tour().does(['logs', NAME, '--tail=false', '--json'])).split('\n');
    expect(Object.keys(JSON.parse(json))).to.deep.equal([
      'name',
      'namespace',
      'instance',
      'timestamp',
      'text',
    ]);
  });

  it('shows what came since a time', async () => {
    const since = (time: string): Promise<string> =>
      tour().does(['logs', NAME, '--tail=false', `--since-time=${time}`]);
    expect(await since('2100-01-01T00:00:00Z')).to.equal('');
    expect(await since('2020-01-01T00:00:00Z')).to.contain('Listening on port');
    expect(await tour().does(['logs', NAME, '--tail=false', '--since=1h'])).to.contain('Listening on port');
  });

  it('follows what a call writes', async () => {
    const { exitCode } = await tour().faas(['invoke', NAME], { stdin: 'Ada' });
    expect(exitCode).to.equal(0);
    const follower = spawn(process.env['FAAS_CLI'] ?? '', ['logs', NAME, '--lines=1'], {
      cwd: tour().folder.path,
      env: {
        ...process.env,
        OPENFAAS_URL: tour().platform.url,
        OPENFAAS_CONFIG: `${tour().folder.path}/.config`,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let heard = '';
    follower.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    try {
      await until('the line of the past call', async () => heard.includes('Wrote'));
      const before = heard.split('Forking fprocess').length;
      await tour().does(['invoke', NAME], { stdin: 'Bob' });
      await until('the line of the new call', async () => heard.split('Forking fprocess').length > before);
    } finally {
      follower.kill();
    }
  });

  it('is told that there is no such function', async () => {
    expect(await tour().refuses(['logs', 'clients-nobody', '--tail=false'])).to.match(
      /clients-nobody|not found|501/i,
    );
  });
});
