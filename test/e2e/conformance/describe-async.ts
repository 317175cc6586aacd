import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import type { CertifiedGateway, CertifiedPlace } from './certified-gateway.ts';

const [ENV, COUNT, TWICE] = ['e2e-async-env', 'e2e-async-count', 'e2e-async-twice'];

/** Asynchronous calls, and what Skep adds to them. */
export function describeAsyncCalls(place: CertifiedPlace): void {
  describe('conformance: asynchronous calls', function () {
    this.timeout(120_000);
    let gateway: CertifiedGateway;

    before(async () => {
      gateway = await place.open();
      for (const name of [ENV, COUNT, TWICE]) await gateway.remove(name);
      await gateway.deploy({ service: ENV, image: place.toolsImage, envProcess: 'env' });
      await gateway.deploy({ service: COUNT, image: place.toolsImage, envProcess: 'wc -c' });
      await gateway.deploy({
        service: TWICE,
        image: place.toolsImage,
        envProcess: 'sed p',
        annotations: { 'com.skep.then': COUNT },
      });
      for (const name of [ENV, COUNT, TWICE]) await gateway.available(name);
    });
    after(async () => {
      for (const name of [ENV, COUNT, TWICE]) await gateway.remove(name);
      await place.close();
    });

    const submit = async (
      path: string,
      headers: Record<string, string> = {},
      body: Uint8Array | string = '',
    ): Promise<Response> => {
      const response = await fetch(`${gateway.url}/async-function/${path}`, {
        method: 'POST',
        headers,
        body,
      });
      expect(await response.text()).to.equal('');
      expect(response.status).to.equal(202);
      expect(response.headers.get('x-start-time')).to.match(/^\d{19}$/);
      return response;
    };
    const idOf = (response: Response): string => response.headers.get('x-call-id') ?? '';
    const result = async (id: string): Promise<string> => {
      const call = (await (await gateway.request(`/system/calls/${id}?wait=30s`)).json()) as {
        status: string;
      };
      expect(call.status).to.equal('succeeded');
      return (await gateway.request(`/system/calls/${id}/result`)).text();
    };

    it('reach the function as a POST with the path, the query, the headers and the id of the call', async () => {
      const response = await submit(`${ENV}.openfaas-fn/a/b?testing=1`, {
        'X-Tour': 'yes',
        Authorization: 'Bearer of-the-caller',
      });
      const text = await result(idOf(response));
      for (const line of [
        'Http_Method=POST',
        'Http_Path=/a/b',
        'Http_Query=testing=1',
        'Http_X_Tour=yes',
        'Http_Authorization=Bearer of-the-caller',
        `Http_X_Call_Id=${idOf(response)}`,
        `Http_X_Start_Time=`,
      ]) {
        expect(text).to.contain(line);
      }
    });

    it('bring bodies that are longer than a message', async () => {
      const body = new Uint8Array(3_000_000);
      expect((await result(idOf(await submit(COUNT, {}, body)))).trim()).to.equal(String(body.length));
    });

    it('run once by an idempotency key, and under the id that the client has given', async () => {
      const key = { 'Idempotency-Key': `e2e ${Date.now()}` };
      const first = await submit(COUNT, key, 'x');
      const again = await submit(COUNT, key, 'x');
      expect(idOf(again)).to.equal(idOf(first));
      expect(again.headers.get('idempotent-replayed')).to.equal('true');
      const own = `e2e-${Date.now()}`;
      expect(idOf(await submit(COUNT, { 'X-Call-Id': own }, 'abc'))).to.equal(own);
      expect((await result(own)).trim()).to.equal('3');
    });

    it('give each result to the next function that the annotation names, or the client', async () => {
      expect((await result(idOf(await submit(TWICE, {}, 'ab\n')))).trim()).to.equal('6');
      const chained = await submit(TWICE, { 'X-Skep-Then': `${TWICE},${COUNT}` }, 'ab\n');
      expect((await result(idOf(chained))).trim()).to.equal('12');
      expect(await result(idOf(await submit(TWICE, { 'X-Skep-Then': '' }, 'ab\n')))).to.equal('ab\nab\n');
    });

    it('wait until the time that the client has given', async () => {
      const before = Date.now();
      const id = idOf(await submit(COUNT, { 'X-Skep-Delay': '2s' }, 'x'));
      expect((await result(id)).trim()).to.equal('1');
      expect(Date.now() - before).to.be.at.least(2000);
    });

    it('may be cancelled while they wait', async () => {
      const id = idOf(await submit(COUNT, { 'X-Skep-Delay': '1h' }, 'x'));
      const cancel = async (which: string): Promise<number> =>
        (await fetch(`${gateway.url}/async-function/${which}`, { method: 'DELETE' })).status;
      expect(await cancel(id)).to.equal(202);
      await until('it is cancelled', async () => {
        const call = (await (await gateway.request(`/system/calls/${id}`)).json()) as { status: string };
        return call.status === 'cancelled';
      });
      // What was asked for is so already.
      expect(await cancel(id)).to.equal(202);
      const ended = idOf(await submit(COUNT, {}, 'x'));
      await result(ended);
      expect(await cancel(ended)).to.equal(409);
      expect(await cancel('9817b013-1724-81fa-8092-ffffffff0005')).to.equal(404);
      // Which could be guessed: it asks for credentials.
      expect(await cancel('e2e-no-such-call')).to.equal(401);
    });

    it('are not accepted for a function that there is not, nor with nonsense', async () => {
      const post = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
        (await fetch(`${gateway.url}/async-function/${path}`, { method: 'POST', headers })).status;
      expect(await post('e2e-async-nobody')).to.equal(404);
      expect(await post('.openfaas-fn')).to.equal(404);
      expect(await post(COUNT, { 'X-Callback-Url': 'http://169.254.169.254/latest/meta-data' })).to.equal(
        400,
      );
      expect(await post(COUNT, { 'X-Callback-Url': '::' })).to.equal(400);
      expect(await post(COUNT, { 'X-Skep-Delay': '87600h' })).to.equal(400);
    });
  });
}
