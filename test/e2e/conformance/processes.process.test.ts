import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalGateway, runLocalGateway } from '../../support/run-local-gateway.ts';
import { type CertifiedPlace, certified } from './certified-gateway.ts';
import { describeConformance } from './describe-conformance.ts';
import { REDIRECT, REDIRECTOR_IMAGE, TOOLS_IMAGE } from './stand-ins.ts';

/** A gateway that runs functions as processes of this machine, one for each suite. */
function openOnProcesses(): CertifiedPlace {
  let gateway: LocalGateway | undefined;
  let folder = '';
  return {
    toolsImage: TOOLS_IMAGE,
    redirectorImage: REDIRECTOR_IMAGE,
    open: async () => {
      folder = mkdtempSync(join(tmpdir(), 'skep-certified-'));
      writeFileSync(join(folder, 'redirect'), REDIRECT);
      chmodSync(join(folder, 'redirect'), 0o755);
      const tools = { fprocess: 'cat' };
      const redirector = { fprocess: 'sh redirect', cgi_response: 'true' };
      gateway = await runLocalGateway({
        [TOOLS_IMAGE]: { folder, env: tools, version: '1' },
        [REDIRECTOR_IMAGE]: { folder, env: redirector, version: '1' },
      });
      return certified(gateway);
    },
    close: async () => {
      await gateway?.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe('on processes of this machine', () => describeConformance(openOnProcesses));
