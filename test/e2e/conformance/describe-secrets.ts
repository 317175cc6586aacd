import { expect } from 'chai';
import type { CertifiedGateway, CertifiedPlace } from './certified-gateway.ts';

const OTHER = 'e2e-certified-secrets';
const SECRET = 'e2e-certified-secret';
const READER = 'e2e-certified-reader';

/** Secrets, in the default namespace and another one. */
export function describeSecrets(place: CertifiedPlace): void {
  for (const namespace of ['openfaas-fn', OTHER]) describeSecretsIn(namespace, place);
}

function describeSecretsIn(namespace: string, place: CertifiedPlace): void {
  describe(`conformance: secrets, in ${namespace}`, function () {
    this.timeout(120_000);
    let gateway: CertifiedGateway;

    const names = async (): Promise<string[]> => {
      const response = await gateway.request(`/system/secrets?namespace=${namespace}`);
      expect(response.status).to.equal(200);
      return ((await response.json()) as { name: string }[]).map(({ name }) => name);
    };
    const send = async (method: string, json: object): Promise<number> =>
      (
        await gateway.request('/system/secrets', {
          method,
          json: { name: SECRET, namespace, ...json },
        })
      ).status;
    const reader = {
      service: READER,
      image: place.toolsImage,
      namespace,
      envProcess: `cat /var/openfaas/secrets/${SECRET}`,
      secrets: [SECRET],
    };
    const told = async (): Promise<string> => (await gateway.call(`/function/${READER}.${namespace}`)).text;

    const clear = async (): Promise<void> => {
      await gateway.remove(READER, namespace);
      await send('DELETE', {});
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

    const bytes = (text: string): string => Buffer.from(text).toString('base64');
    for (const [kind, first, second, expected] of [
      [
        'value',
        { value: 'this-is-the-secret' },
        { value: 'this-is-the-new-secret' },
        'this-is-the-new-secret',
      ],
      ['rawValue', { rawValue: bytes('raw\n\0one') }, { rawValue: bytes('raw\n\0two\n') }, 'raw\n\0two\n'],
    ] as const) {
      describe(`as ${kind}`, () => {
        it('is absent before', async () => {
          expect(await names()).to.not.include(SECRET);
        });

        it('is created: 200, 201 or 202', async () => {
          expect(await send('POST', first)).to.be.oneOf([200, 201, 202]);
        });

        it('is in the list, by name', async () => {
          expect(await names()).to.include(SECRET);
        });

        it('is read by a function, exactly', async () => {
          await gateway.deploy(reader);
          const exact = 'value' in first ? first.value : Buffer.from(first.rawValue, 'base64').toString();
          expect(await told()).to.equal(exact);
        });

        it('is updated: 200 or 202', async () => {
          expect(await send('PUT', second)).to.be.oneOf([200, 202]);
        });

        it('is read anew after the next deployment, within six seconds', async () => {
          await gateway.deploy({ ...reader, annotations: { deployed: 'again' } }, 'update');
          const deadline = Date.now() + 6000;
          while ((await told()) !== expected) {
            if (Date.now() > deadline) throw new Error('the function still has the old value');
          }
        });

        it('is deleted after the function, and is no longer in the list', async () => {
          const { status } = await gateway.request('/system/functions', {
            method: 'DELETE',
            json: { functionName: READER, namespace },
          });
          expect(status).to.be.oneOf([200, 202]);
          expect(await send('DELETE', {})).to.be.oneOf([200, 202]);
          expect(await names()).to.not.include(SECRET);
        });
      });
    }
  });
}
