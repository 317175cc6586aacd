import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import type { CertifiedGateway, CertifiedPlace } from './certified-gateway.ts';

const OTHER = 'e2e-certified-calls';
const [ENV, REDIRECTOR, ECHO] = ['e2e-certified-env', 'e2e-certified-redirector', 'e2e-certified-echo'];

/** Calls and logs, in the default namespace and another one. */
export function describeCalls(place: CertifiedPlace): void {
  for (const namespace of ['openfaas-fn', OTHER]) describeCallsIn(namespace, place);
}

function describeCallsIn(namespace: string, place: CertifiedPlace): void {
  describe(`conformance: invoke, logs, in ${namespace}`, function () {
    this.timeout(120_000);
    let gateway: CertifiedGateway;

    const clear = async (): Promise<void> => {
      for (const name of [ENV, REDIRECTOR, ECHO]) await gateway.remove(name, namespace);
      await gateway.removeNamespace(OTHER);
    };
    before(async () => {
      gateway = await place.open();
      await clear();
      if (namespace === OTHER) await gateway.createNamespace(OTHER);
    });
    after(async () => {
      await clear();
      await place.close();
    });

    it('the function that prints its environment', async () => {
      await gateway.deploy({
        service: ENV,
        image: place.toolsImage,
        namespace,
        envProcess: 'env',
        envVars: { custom_env: 'custom_env_value' },
      });
      await gateway.available(ENV, namespace);
    });

    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      it(`Invoke ${method}: 200, the verb in the environment, a call id and a start time`, async () => {
        const { text, headers } = await gateway.call(`/function/${ENV}.${namespace}`, { method });
        expect(text).to.contain(`Http_Method=${method}`);
        expect(headers.get('x-call-id')).to.be.a('string').that.is.not.empty;
        expect(headers.get('x-start-time')).to.be.a('string').that.is.not.empty;
      });
    }

    it('Redirect: the client sees the 302 and where to', async () => {
      await gateway.deploy({
        service: REDIRECTOR,
        image: place.redirectorImage,
        namespace,
        envVars: { destination: 'http://example.com/there' },
      });
      const path = `/function/${REDIRECTOR}.${namespace}`;
      const { headers } = await gateway.call(path, { method: 'GET', expected: 302 });
      expect(headers.get('location')).to.equal('http://example.com/there');
    });

    it('Env: what was deployed is in the environment', async () => {
      const { text } = await gateway.call(`/function/${ENV}.${namespace}`, { method: 'GET' });
      expect(text).to.contain('custom_env=custom_env_value');
    });

    it('Query: it is in the environment', async () => {
      const { text } = await gateway.call(`/function/${ENV}.${namespace}?testing=1`, { method: 'GET' });
      expect(text).to.contain('Http_Query=testing=1');
    });

    it('Not found: no name, in the default namespace, is 404 or 502', async () => {
      const { status } = await fetch(`${gateway.url}/function/.openfaas-fn`);
      expect(status).to.be.oneOf([404, 502]);
    });

    it('Logs: a call echoes, and the log tells that it began and what it wrote', async () => {
      await gateway.deploy({ service: ECHO, image: place.toolsImage, namespace, envProcess: 'cat' });
      await gateway.available(ECHO, namespace);
      const { text } = await gateway.call(`/function/${ECHO}.${namespace}`, { body: namespace });
      expect(text).to.equal(namespace);

      const wanted = ['Forking fprocess', `Wrote ${namespace.length} Bytes`];
      const log = async (): Promise<{ name: string; namespace: string; text: string }[]> => {
        const response = await gateway.request(
          `/system/logs?name=${ECHO}&namespace=${namespace}&follow=false&tail=-1`,
        );
        expect(response.status).to.equal(200);
        const lines = (await response.text()).split('\n').filter((line) => line !== '');
        return lines.map((line) => JSON.parse(line));
      };
      // The certifier waits half a minute and reads once; here it is read until it is there.
      await until('the log of the call', async () => {
        const texts = (await log()).map((line) => line.text.replace(/^[0-9/: ]+/, ''));
        return wanted.every((start) => texts.some((line) => line.startsWith(start)));
      });
      for (const line of await log()) expect(line).to.include({ name: ECHO, namespace });
    });
  });
}
