import { expect } from 'chai';
import { describeContract, post } from './contract.ts';

describeContract('classic', 'environment and settings', ({ it, differs }) => {
  it('hands the request over as environment', async ({ start }) => {
    const { url } = await start({ fprocess: 'env', OWN: 'kept' });
    const response = await post(`${url}/a%20b?x=1&y=%20`, 'abc', { 'X-Call-Id': 'id-1' });
    const lines = (await response.text()).split('\n');
    expect(lines).to.include.members([
      'Http_Path=/a b', 'Http_Query=x=1&y=%20', 'Http_Method=POST', 'Http_Content_Length=3', 'Http_ContentLength=3',
      'Http_X_Call_Id=id-1', `Http_Host=${new URL(url).host}`, 'OWN=kept',
    ]); // biome-ignore format: a table
    expect(lines.filter((line) => line.startsWith('Http_Transfer_Encoding'))).to.deep.equal([]);
  });

  it('tells an unknown length as -1 and names the coding', async ({ start }) => {
    const { url } = await start({ fprocess: 'env' });
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('abc'));
        controller.close();
      },
    });
    const response = await fetch(url, { method: 'POST', body });
    expect((await response.text()).split('\n')).to.include.members([
      'Http_ContentLength=-1', 'Http_Content_Length=-1', 'Http_Transfer_Encoding=chunked',
    ]); // biome-ignore format: a table
  });

  it('gives no length but 0, and no query, where there is none', async ({ start }) => {
    const { url } = await start({ fprocess: 'env' });
    const text = await (await fetch(url)).text();
    expect(text).to.match(/^Http_ContentLength=0$/m);
    expect(text).not.to.contain('Http_Query');
  });

  differs(
    'Proxy header',
    'keeps a Proxy header from becoming a setting of HTTP clients',
    async ({ start }) => {
      const { url } = await start({ fprocess: 'env' });
      expect(await (await post(url, '', { Proxy: 'http://evil' })).text()).not.to.match(/^Http_Proxy=/m);
    },
  );

  differs(
    'path with NUL',
    'answers 400 for a path that cannot be an environment variable',
    async ({ start }) => {
      const { url } = await start({ fprocess: 'env' });
      expect((await fetch(`${url}/a%00b`)).status).to.equal(400);
    },
  );

  differs('path as it came', 'hands a path with empty segments over as it came', async ({ start }) => {
    const { url } = await start({ fprocess: 'env' });
    const response = await fetch(`${url}/a//b`, { redirect: 'manual' });
    expect(await response.text()).to.match(/^Http_Path=\/a\/\/b$/m);
  });

  it('hands nothing over with cgi_headers=false', async ({ start }) => {
    const { url } = await start({ fprocess: 'env', cgi_headers: 'false' });
    expect(await (await fetch(url)).text()).not.to.contain('Http_');
  });

  it('answers 500 where a header is too long for an environment', async ({ start }) => {
    const { url } = await start({ fprocess: '/usr/bin/env' });
    const response = await fetch(url, { headers: { 'X-Long': 'a'.repeat(200_000) } });
    expect([response.status, await response.text()]).to.deep.equal([
      500,
      'fork/exec /usr/bin/env: argument list too long\n',
    ]);
    expect((await fetch(url)).status).to.equal(200);
  });

  it('mixes stderr into the answer, in the order of the writes', async ({ start }) => {
    const { url } = await start({ fprocess: './prints-to-both' });
    for (let i = 0; i < 20; i++) {
      expect(await (await fetch(url)).text()).to.equal('to-stdout\nto-stderr\nto-stdout again\n');
    }
  });

  it('logs stderr instead with combine_output=false', async ({ start }) => {
    const { url, logged } = await start({ fprocess: './prints-to-both', combine_output: 'false' });
    expect(await (await fetch(url)).text()).to.equal('to-stdout\nto-stdout again\n');
    await logged('stderr: to-stderr\n');
  });

  it('gives the process streams that it can open again by their names in /dev', async ({ start }) => {
    const { url, logged } = await start({ fprocess: './opens-dev-streams', combine_output: 'false' });
    for (const size of [5, 3_000_000]) {
      const response = await post(url, 'x'.repeat(size));
      expect([response.status, await response.text()]).to.deep.equal([200, `${size}\n`]);
    }
    await logged('stderr: counted\n');
  });

  it('gives one JSON document on stdin with marshal_request', async ({ start }) => {
    const { url } = await start({ fprocess: 'cat', marshal_request: 'true' });
    const document = (await (await post(url, 'hi', { 'X-A': 'b' })).json()) as {
      header: Record<string, string[]>;
      body: { raw: string };
    };
    expect(document.header['X-A']).to.deep.equal(['b']);
    expect(document.body.raw).to.equal(btoa('hi'));
  });

  it('shows headers and output where it is asked to', async ({ start }) => {
    const { url, logged } = await start({ fprocess: 'cat', debug_headers: 'true', write_debug: 'true' });
    await post(url, 'seen-output', { 'X-Seen': 'yes' });
    await logged('[in] X-Seen=[yes]');
    await logged('[out] X-Duration-Seconds=[');
    const log = await logged('Duration: ');
    expect(log).not.to.contain('Wrote');
    await logged('seen-output');
  });

  differs('headers in the log', 'gives the headers it shows a time', async ({ start }) => {
    const { url, logged } = await start({ fprocess: 'cat', debug_headers: 'true' });
    await post(url, '', { 'X-Seen': 'yes' });
    expect(await logged('[in] X-Seen=[yes]')).to.match(/\d\d:\d\d:\d\d \[in\] X-Seen=\[yes\]/);
  });
});
