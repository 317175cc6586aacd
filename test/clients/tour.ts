import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, type Folder, type Ran, run, succeeded } from '../support/cli.ts';
import { openPlatform, type Platform, until } from '../support/platform.ts';

/** Path of the real faas-cli; it is built from its own public repository, outside this one. */
const FAAS_CLI = process.env['FAAS_CLI'] ?? '';

/** faas-cli, logged in to the running platform, in a folder of its own. Functions it makes are removed at the end. */
export interface Tour {
  readonly platform: Platform;
  readonly folder: Folder;
  readonly password: string;
  /** Runs faas-cli, whatever it exits with. */
  faas(args: readonly string[], options?: FaasOptions): Promise<Ran>;
  /** @returns what it printed @throws {Error} with everything it said, unless it exited 0 */
  does(args: readonly string[], options?: FaasOptions): Promise<string>;
  /** @returns what it printed @throws {Error} when it exited 0 */
  refuses(args: readonly string[], options?: FaasOptions): Promise<string>;
  /** Deletes the functions that there are, and waits until they are gone. */
  removeFunctions(names: readonly string[], namespace?: string): Promise<void>;
}

interface FaasOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A part of the tour, in a mocha suite; skipped, with what to set, where there is no faas-cli. */
export function describeTour(area: string, body: (tour: () => Tour) => void): void {
  const isGiven = FAAS_CLI !== '';
  const suite = isGiven ? describe : describe.skip;
  suite(`faas-cli${isGiven ? '' : ' (skipped: set FAAS_CLI to its executable)'}: ${area}`, function () {
    this.timeout(120_000);
    let tour: Tour | undefined;
    before(async () => {
      tour = await openTour();
    });
    body(() => {
      if (tour === undefined) throw new Error('the tour has not begun');
      return tour;
    });
    // Last, for what the body cleans up with needs the folder.
    after(() => tour?.folder.remove());
  });
}

async function openTour(): Promise<Tour> {
  if (!existsSync(FAAS_CLI)) throw new Error(`FAAS_CLI=${FAAS_CLI}: no such file`);
  const platform = await openPlatform();
  const folder = emptyFolder();
  const [, credentials = ''] = platform.authorization.split(' ');
  const password = Buffer.from(credentials, 'base64').toString('utf8').replace('admin:', '');
  const faas: Tour['faas'] = (args, { stdin = '', env = {} } = {}) =>
    run(FAAS_CLI, args, {
      folder: folder.path,
      stdin,
      env: { OPENFAAS_URL: platform.url, OPENFAAS_CONFIG: join(folder.path, '.config'), ...env },
    });
  const does: Tour['does'] = async (args, options) =>
    succeeded(`faas-cli ${args.join(' ')}`, await faas(args, options)).stdout;
  const refuses: Tour['refuses'] = async (args, options) => {
    const { exitCode, stdout, stderr } = await faas(args, options);
    if (exitCode === 0) throw new Error(`faas-cli ${args.join(' ')} exited 0:\n${stdout}\n${stderr}`);
    return stdout + stderr;
  };
  const removeFunctions: Tour['removeFunctions'] = async (names, namespace = 'openfaas-fn') => {
    for (const functionName of names) {
      const json = { functionName, namespace };
      await platform.request('/system/functions', { method: 'DELETE', json });
      const path = `/system/function/${functionName}?namespace=${namespace}`;
      await until(`${functionName} is gone`, async () => (await platform.request(path)).status === 404);
    }
  };
  await does(['login', '--password-stdin'], { stdin: password });
  return { platform, folder, password, faas, does, refuses, removeFunctions };
}
