// A `docker` for the tests of `skep admin rotate-password`: a swarm in a JSON file, which the test reads and writes, too.
import { readFileSync, writeFileSync } from 'node:fs';

export interface FakeService {
  /** Secret it is defined with. */
  secret: string;
  /** Secret that its replicas run with. */
  running: string;
  replicas: number;
  /** What becomes of the next update. */
  fate?: 'rolled back' | 'paused' | 'never ready' | 'out of sequence' | 'refused';
  state?: string;
  env?: string[];
}
export interface FakeSwarm {
  isManager: boolean;
  secrets: Record<string, string>;
  services: Record<string, FakeService>;
  /** Secrets that a service of another stack has mounted. */
  usedElsewhere: string[];
  failing: string[];
}

const STACK = 'skep';
/** Alertmanager's own place for it. */
const targetOf = (name: string): string =>
  name.endsWith('_alertmanager') ? '/etc/alertmanager/password' : 'basic-auth-password';

function mounts(service: string, secret: string) {
  const file = { Name: targetOf(service), UID: '0', GID: '0', Mode: 0o444 };
  const user = { SecretName: 'basic-auth-user', File: { ...file, Name: 'basic-auth-user' } };
  return [user, { SecretName: secret, File: file }];
}

function toService(name: string, service: FakeService) {
  return {
    ID: `id-${name}`,
    Spec: {
      Name: name,
      Mode: { Replicated: { Replicas: service.replicas } },
      TaskTemplate: { ContainerSpec: { Secrets: mounts(name, service.secret), Env: service.env ?? [] } },
    },
    ...(service.state !== undefined && {
      UpdateStatus: { State: service.state, Message: 'as the test has it' },
    }),
  };
}

function toTasks(name: string, service: FakeService) {
  const isStarting = service.running !== service.secret && service.state !== 'rollback_completed';
  const task = (DesiredState: string, State: string, secret: string, Err = '') => ({
    DesiredState,
    Status: { State, Err },
    Spec: { ContainerSpec: { Secrets: mounts(name, secret) } },
  });
  if (service.replicas === 0) return [];
  if (isStarting) return [task('running', 'starting', service.secret, 'task: non-zero exit (1)')];
  return [task('running', 'running', service.running)];
}

class Refusal extends Error {}

function answer(swarm: FakeSwarm, args: readonly string[]): string {
  const [noun = '', verb = '', ...rest] = args;
  const last = args.at(-1) ?? '';
  const failed = swarm.failing.find((words) => args.join(' ').startsWith(words));
  if (failed !== undefined) throw new Refusal(`Error response from daemon: ${failed} fails`);
  const find = (id: string): [string, FakeService] => {
    const name = id.replace(/^id-/, '');
    const service = swarm.services[name];
    if (service === undefined) throw new Refusal(`Error: no such service: ${id}`);
    return [name, service];
  };
  switch (`${noun} ${verb}`) {
    case 'info --format':
      return String(swarm.isManager);
    case 'service ls':
      if (last !== `label=com.docker.stack.namespace=${STACK}`) return '';
      return Object.keys(swarm.services)
        .map((name) => `id-${name}`)
        .join('\n');
    case 'service inspect':
      return JSON.stringify(rest.map((id) => toService(...find(id))));
    case 'service ps':
      return find(last)[1].replicas === 0 ? '' : `task-of-${last}`;
    case 'inspect --type':
      return JSON.stringify(rest.slice(1).flatMap((id) => toTasks(...find(id.replace('task-of-', '')))));
    case 'secret ls':
      return Object.keys(swarm.secrets).join('\n');
    case 'secret create': {
      const name = rest.at(-2) ?? '';
      if (swarm.secrets[name] !== undefined) throw new Refusal(`Error response from daemon: ${name} exists`);
      swarm.secrets[name] = readFileSync(0, 'utf8');
      return 'new-id';
    }
    case 'secret rm': {
      const users = Object.entries(swarm.services).filter(([, service]) => service.secret === last);
      if (users.length > 0 || swarm.usedElsewhere.includes(last)) {
        throw new Refusal(
          `Error response from daemon: secret '${last}' is in use by the following service: dev`,
        );
      }
      delete swarm.secrets[last];
      return last;
    }
    case 'service update':
      update(swarm, find(last), rest);
      return last;
  }
  throw new Refusal(`the fake docker knows no ${args.join(' ')}`);
}

function update(swarm: FakeSwarm, [name, service]: [string, FakeService], flags: readonly string[]): void {
  const removed = flags[flags.indexOf('--secret-rm') + 1];
  const added = flags[flags.indexOf('--secret-add') + 1] ?? '';
  const [, source = '', target = '', mode = ''] =
    /^source=(.*),target=(.*),uid=0,gid=0,mode=(.*)$/.exec(added) ?? [];
  if (removed !== service.secret || swarm.secrets[source] === undefined) throw new Refusal('no such secret');
  if (target !== targetOf(name) || mode !== '0444') throw new Refusal(`not as it was mounted: ${added}`);
  const { fate } = service;
  delete service.fate;
  delete service.state;
  switch (fate) {
    case 'out of sequence':
      throw new Refusal('Error response from daemon: rpc error: update out of sequence');
    case 'refused':
      throw new Refusal('Error response from daemon: no');
    case 'rolled back':
      service.state = 'rollback_completed';
      return;
    case 'paused':
      service.state = 'paused';
      service.secret = source;
      return;
    case 'never ready':
      service.state = 'updating';
      service.secret = source;
      return;
    default:
      service.secret = source;
      service.running = source;
  }
}

const [file = '', ...args] = process.argv.slice(2);
if (file !== '' && import.meta.main) {
  const swarm = JSON.parse(readFileSync(file, 'utf8')) as FakeSwarm;
  try {
    const text = answer(swarm, args);
    if (text !== '') console.log(text);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    writeFileSync(file, JSON.stringify(swarm));
  }
}
