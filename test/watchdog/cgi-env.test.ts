import { expect } from 'chai';
import { cgiEnv } from '../../watchdog/cgi-env.ts';

const request = (headers: string[], target = '/') => ({
  method: 'GET', target, version: '1.1' as const, headers, contentLength: 0,
}); // biome-ignore format: short

describe('cgiEnv', () => {
  it('lets a name with underscores pass for none with hyphens', () => {
    const headers = ['X-Forwarded-For', '10.0.0.1', 'X_Forwarded_For', 'evil', 'X_1', 'evil', 'X-1', 'true'];
    const env = cgiEnv(request(headers));
    expect(env['Http_X_Forwarded_For']).to.equal('10.0.0.1');
    expect(env['Http_X_1']).to.equal('true');
    // As the templates read them: in order, without regard to case.
    const read = new Map(Object.entries(env).map(([name, value]) => [name.toLowerCase(), value]));
    expect(read.get('http_x_forwarded_for')).to.equal('10.0.0.1');
  });

  it('passes a name with underscores on when there is no other', () => {
    expect(cgiEnv(request(['my_header', '1']))).to.include({ Http_My_header: '1' });
  });

  it('takes no header for what the request line says', () => {
    const headers = [
      'Method',
      'DELETE',
      'Path',
      '/other',
      'Content_Length',
      '5',
      'Transfer_Encoding',
      'chunked',
    ];
    const env = cgiEnv(request(headers, '/path?a=1'));
    expect(env).to.include({
      Http_Method: 'GET',
      Http_Path: '/path',
      Http_Query: 'a=1',
      Http_Content_Length: '0',
    });
  });
});
