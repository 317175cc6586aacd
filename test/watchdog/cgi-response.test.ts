import { expect } from 'chai';
import { parseCgiResponse } from '../../watchdog/cgi-response.ts';
import { startWatchdog, stopWatchdogs } from './start-watchdog.ts';

describe('a response head written by the process (cgi_response=true)', () => {
  afterEach(stopWatchdogs);
  const parse = (text: string): ReturnType<typeof parseCgiResponse> => parseCgiResponse(Buffer.from(text));

  it('gives status, reason and headers, with LF or CRLF', () => {
    const text = 'Status: 201 Made\r\nContent-Type: text/html\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nbody';
    const response = parse(text);
    expect(response).to.deep.include({ status: 201, reason: 'Made' });
    expect(response.headers).to.deep.equal([
      'Content-Type',
      'text/html',
      'Set-Cookie',
      'a',
      'Set-Cookie',
      'b',
    ]);
    expect(text.slice(response.bodyStart)).to.equal('body');
  });

  it('is 200 without a status, and 302 with a Location alone', () => {
    expect(parse('Content-Type: a/b\n\n').status).to.equal(200);
    expect(parse('Location: /x\n\n').status).to.equal(302);
  });

  for (const [what, text] of Object.entries({
    'no head': 'plain output\n\n',
    'no output': '',
    'no end': 'Content-Type: text/plain\n',
    'an empty head': '\nbody',
    'a status out of range': 'Status: 99\n\n',
    'an interim status': 'Status: 101\n\n',
    'two statuses': 'Status: 200\nStatus: 201\n\n',
    'a length of its own': 'Content-Type: a/b\nContent-Length: 5\n\n',
    'a bare CR in a value': 'X-A: b\rSet-Cookie: c\n\n',
    'a folded line': 'X-A: b\n c\n\n',
    'a space before the colon': 'X-A : b\n\n',
    'a head too long': `X-A: ${'b'.repeat(70_000)}\n\n`,
  })) {
    it(`is refused with ${what}`, () => {
      expect(() => parse(text)).to.throw();
    });
  }

  it('reaches the client', async () => {
    const { url } = await startWatchdog({
      fprocess: './prints-response',
      cgi_response: 'true',
      RESPONSE: 'Status: 201 Made\nX-A: b\n\nhi',
    });
    const response = await fetch(url);
    expect([response.status, response.headers.get('x-a'), await response.text()]).to.deep.equal([
      201,
      'b',
      'hi',
    ]);
    expect(response.headers.get('x-duration-seconds')).to.match(/^\d/);
  });

  it('is answered 500, and logged, when it is wrong', async () => {
    const { url, logged } = await startWatchdog({
      fprocess: './prints-response',
      cgi_response: 'true',
      RESPONSE: 'hello',
    });
    const response = await fetch(url);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.contain('invalid response of the function');
    await logged('invalid response of the function');
  });

  it('does not count when the process fails', async () => {
    const { url } = await startWatchdog({
      fprocess: './prints-response', cgi_response: 'true', RESPONSE: 'Status: 200\n\nall is well', EXIT_CODE: '9',
    }); // biome-ignore format: short
    const response = await fetch(url);
    expect([response.status, await response.text()]).to.deep.equal([500, 'exit status 9\n']);
  });

  it('is plain output where it was not asked for', async () => {
    const { url } = await startWatchdog({ fprocess: './prints-response', RESPONSE: 'Status: 201\n\nhi' });
    const response = await fetch(url);
    expect([response.status, await response.text()]).to.deep.equal([200, 'Status: 201\n\nhi']);
  });
});
