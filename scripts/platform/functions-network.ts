import { Problem } from '../shell/problem.ts';
import { mustRun, runCommand } from '../shell/run-command.ts';
import { freeSubnet } from './subnet.ts';

export const FUNCTIONS_NETWORK = 'skep-functions';
const ADVICE = 'Look at `docker network ls` and at `docker info`.';

/**
 * Makes the network that functions are attached to: an overlay of a /16, since the default of 250 addresses would run out.
 * @returns its subnet
 * @throws {Problem} when there is a network of this name that is something else
 */
export async function ensureFunctionsNetwork(): Promise<string> {
  const present = await runCommand([
    'docker',
    'network',
    'inspect',
    '--format',
    '{{.Driver}} {{.Attachable}} {{range .IPAM.Config}}{{.Subnet}}{{end}}',
    FUNCTIONS_NETWORK,
  ]);
  if (present.exitCode === 0) {
    const [driver, attachable, subnet = ''] = present.stdout.trim().split(' ');
    if (driver === 'overlay' && attachable === 'true') return subnet;
    throw new Problem(
      `there is a network ${FUNCTIONS_NETWORK} that is no attachable overlay`,
      `Remove it (\`docker network rm ${FUNCTIONS_NETWORK}\`), then run this again.`,
    );
  }
  const subnet = freeSubnet(await subnetsInUse());
  if (subnet === undefined) {
    throw new Problem(
      'every private network of this size is in use on this machine',
      `Make the network yourself: docker network create --driver overlay --attachable --label openfaas=true --subnet <network> ${FUNCTIONS_NETWORK}`,
    );
  }
  await mustRun(
    [
      'docker',
      'network',
      'create',
      '--driver',
      'overlay',
      '--attachable',
      '--label',
      'openfaas=true',
      '--subnet',
      subnet,
      FUNCTIONS_NETWORK,
    ],
    { advice: ADVICE },
  );
  return subnet;
}

async function subnetsInUse(): Promise<string[]> {
  const ids = await mustRun(['docker', 'network', 'ls', '--quiet'], { advice: ADVICE });
  const networks = await mustRun(
    [
      'docker',
      'network',
      'inspect',
      '--format',
      '{{range .IPAM.Config}}{{.Subnet}} {{end}}',
      ...ids.split('\n'),
    ],
    { advice: ADVICE },
  );
  const pools = await mustRun(
    ['docker', 'info', '--format', '{{range .DefaultAddressPools}}{{.Base}} {{end}}'],
    {
      advice: ADVICE,
    },
  );
  const routes = await runCommand(['ip', '-4', 'route', 'show']);
  return [networks, pools, routes.stdout].flatMap((text) => text.split(/\s+/));
}
