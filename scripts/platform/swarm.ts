import { Problem } from '../shell/problem.ts';
import { mustRun } from '../shell/run-command.ts';

/**
 * Makes this engine a single-node swarm when it is in none.
 * @returns whether it is new
 * @throws {Problem} when the engine is in a swarm that it cannot manage
 */
export async function ensureSwarm(): Promise<'new' | 'present'> {
  const state = await mustRun(
    ['docker', 'info', '--format', '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Error}}'],
    { advice: 'Look at `docker info`.' },
  );
  const [node = '', isManager = '', ...error] = state.split(' ');
  if (node === 'active' && isManager === 'true') return 'present';
  if (node === 'active') {
    throw new Problem(
      'this node is a worker of a swarm',
      'Run this on one of the managers: `docker node ls` works there and nowhere else.',
    );
  }
  if (node !== 'inactive') {
    throw new Problem(
      `this engine's swarm is ${node}: ${error.join(' ')}`,
      'Mend it first (`docker swarm unlock`, or `docker swarm leave --force` when nothing in it is needed any more).',
    );
  }
  // The loopback address stays the same when the machine's own changes. Other machines cannot join it: who wants
  // them names an address of this one.
  const address = process.env['SKEP_ADVERTISE_ADDR'] || '127.0.0.1';
  await mustRun(['docker', 'swarm', 'init', '--advertise-addr', address], {
    advice:
      'Set SKEP_ADVERTISE_ADDR to an address of this machine, or make the swarm yourself (`docker swarm init`).',
  });
  return 'new';
}
