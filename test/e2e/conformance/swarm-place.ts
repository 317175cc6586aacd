import { openPlatform } from '../../support/platform.ts';
import { type CertifiedPlace, certified } from './certified-gateway.ts';
import { buildStandIns, REDIRECTOR_IMAGE, removeStandIns, TOOLS_IMAGE } from './stand-ins.ts';

/** The running platform. */
export const SWARM: CertifiedPlace = {
  toolsImage: TOOLS_IMAGE,
  redirectorImage: REDIRECTOR_IMAGE,
  open: async () => {
    const gateway = certified(await openPlatform());
    await buildStandIns();
    return gateway;
  },
  close: removeStandIns,
};
