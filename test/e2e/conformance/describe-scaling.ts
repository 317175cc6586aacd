import { expect } from 'chai';
import { until } from '../../support/platform.ts';
import type { CertifiedGateway, CertifiedPlace } from './certified-gateway.ts';

const [MINIMUM, ZERO] = ['e2e-certified-minimum', 'e2e-certified-zero'];

/** Replica counts that are asked for, and those that a call asks for. */
export function describeScaling(place: CertifiedPlace): void {
  describe('conformance: scaling', function () {
    this.timeout(150_000);
    let gateway: CertifiedGateway;

    const deploy = (service: string, scale: Readonly<Record<string, string>>): Promise<void> => {
      const labels = Object.fromEntries(
        Object.entries(scale).map(([key, value]) => [`com.openfaas.scale.${key}`, value]),
      );
      return gateway.deploy({ service, image: place.toolsImage, envProcess: 'sha512sum', labels });
    };
    const replicas = async (name: string): Promise<number> => (await gateway.status(name)).replicas;
    const clear = async (): Promise<void> => {
      for (const name of [MINIMUM, ZERO]) await gateway.remove(name);
    };
    before(async () => {
      gateway = await place.open();
      await clear();
    });
    after(async () => {
      await clear();
      await place.close();
    });

    it('ScaleMinimum: a function of at least two has two replicas at once', async () => {
      await deploy(MINIMUM, { min: '2' });
      expect(await replicas(MINIMUM)).to.equal(2);
      await gateway.remove(MINIMUM);
    });

    it('ScaleFromZero: scaled to none it has none at once, and the next call is answered within 23 s', async () => {
      await deploy(ZERO, {});
      await gateway.available(ZERO);
      await gateway.scale(ZERO, 0);
      expect((await gateway.status(ZERO)).replicas).to.equal(0);
      await until('the replica is gone', async () => (await gateway.status(ZERO)).availableReplicas === 0);
      const startedMs = Date.now();
      await gateway.call(`/function/${ZERO}.openfaas-fn`, { body: 'hi' });
      expect(Date.now() - startedMs).to.be.lessThan(23_000);
      await gateway.remove(ZERO);
    });
  });
}
