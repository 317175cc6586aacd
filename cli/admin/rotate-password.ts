import { setTimeout as sleep } from 'node:timers/promises';
import { nextVersionName, PASSWORD_SECRET, versionsOf } from '../../contract/password-secret.ts';
import { ConfigFile, configFolder } from '../config-file.ts';
import { CliError, messageOf } from '../errors.ts';
import { GatewayClient } from '../gateway-client.ts';
import type { Shell } from '../shell.ts';
import { docker, linesOf, requireManager } from './docker.ts';
import {
  findPasswordServices,
  mountVersion,
  type PasswordServices,
  untilMounted,
} from './password-services.ts';
import { forgetRotation, loadRotation, type Rotation, savePassword, saveRotation } from './rotation-files.ts';

export interface RotateOptions {
  readonly stack: string;
  /** Address of the stack's gateway. */
  readonly url: string;
  readonly tlsNoVerify: boolean;
  readonly username: string;
  /** Undefined: the one of a rotation that was broken off, or else `generate`. */
  readonly password: string | undefined;
  readonly generate: () => string;
  /** Where the password is kept. */
  readonly file: string;
  /** Longest wait for one service. */
  readonly timeoutMs: number;
  readonly tell: (line: string) => void;
}

/** A gateway that runs answers soon; it may still have to bind its port. */
const ANSWER_MS = 15_000;
/** One that refuses the password this long means it. */
const REFUSED_MS = 2000;
const TRY_MS = 5000;
const POLL_MS = 300;
const AGAIN = 'Run the same command again: it goes on where this one ended.';

/**
 * Gives the platform another admin password: a new version of the secret, mounted by one service after the other, the
 * gateway first. The password is saved as soon as the gateway takes it.
 * @returns the new password
 * @throws {CliError} that says how far it came, which password holds, and how to go on
 */
export async function rotatePassword(shell: Shell, options: RotateOptions): Promise<string> {
  const { tell, file } = options;
  await requireManager(shell);
  const services = await findPasswordServices(shell, { stack: options.stack, file: PASSWORD_SECRET });
  const rotation = await begin(shell, services, options);
  const { secret, password } = rotation;

  const { gateway, others } = services;
  tell(`Updating ${gateway.name}: it ends its calls first, and new ones are refused meanwhile`);
  await orExplain(
    () => mountVersion(shell, gateway, secret),
    `The former password holds, and nothing but the secret ${secret} was made. ${AGAIN}`,
  );
  await orExplain(
    async () => {
      await untilMounted(shell, { name: gateway.name, secret, timeoutMs: options.timeoutMs });
      await untilAccepted(options, password);
    },
    [
      `The new password is not in force everywhere; it is kept in ${file}.next. Where Swarm put the gateway's former version back, the former password holds.`,
      `Look at \`docker service ps --no-trunc ${gateway.name}\`. ${AGAIN}`,
    ].join('\n'),
  );
  tell('The gateway takes the new password');
  await savePassword(file, password);
  const token = Buffer.from(`${options.username}:${password}`).toString('base64');
  await new ConfigFile(configFolder(shell)).save(options.url, { kind: 'basic', token });
  tell(`Saved it in ${file}, and the login for ${options.url}`);

  for (const { name } of others) tell(`Updating ${name}`);
  await orExplain(
    async () => {
      for (const service of others) await mountVersion(shell, service, secret);
      for (const { name } of others)
        await untilMounted(shell, { name, secret, timeoutMs: options.timeoutMs });
    },
    `The gateway takes the new password, which is saved; of ${others.map(({ name }) => name).join(', ')} some still have the former one, so that alerts may not scale. ${AGAIN}`,
  );
  await tidy(shell, { rotation, services, tell });
  await forgetRotation(file);
  return password;
}

/** Takes up a rotation that was broken off, or makes the new version of the secret. */
async function begin(shell: Shell, services: PasswordServices, options: RotateOptions): Promise<Rotation> {
  const { tell, file } = options;
  const { unversioned, gateway, others } = services;
  const existing = await versions(shell, unversioned);
  const broken = await loadRotation(file);
  const isOurs =
    broken !== undefined &&
    versionsOf([broken.secret], unversioned).length > 0 &&
    (options.password === undefined || options.password === broken.password);
  if (isOurs && existing[0] === broken.secret) {
    tell(`Going on with the rotation to ${broken.secret}`);
    return broken;
  }
  await requireGateway(options);
  const rotation: Rotation = {
    secret: nextVersionName(existing, unversioned),
    password: options.password ?? (isOurs ? broken.password : options.generate()),
  };
  tell(
    `New password for ${[gateway, ...others].map(({ name }) => name).join(', ')}: secret ${rotation.secret}`,
  );
  await saveRotation(file, rotation);
  await orExplain(async () => {
    try {
      await createSecret(shell, rotation.secret, rotation.password);
    } catch (error) {
      await forgetRotation(file); // a secret of this name would be somebody else's, with another password
      throw error;
    }
  }, 'Nothing was changed: the former password holds.');
  return rotation;
}

/** The value goes through stdin: arguments are there for everybody to read. */
async function createSecret(shell: Shell, name: string, password: string): Promise<void> {
  await docker(shell, ['secret', 'create', name, '-'], password);
}

async function versions(shell: Shell, unversioned: string): Promise<string[]> {
  return versionsOf(linesOf(await docker(shell, ['secret', 'ls', '--format', '{{.Name}}'])), unversioned);
}

/** Nothing is begun for a gateway that could not be asked afterwards. */
async function requireGateway({ url, tlsNoVerify }: RotateOptions): Promise<void> {
  const gateway = new GatewayClient({ url, tlsNoVerify, timeoutMs: TRY_MS });
  const { status } = await gateway.request('GET', '/healthz');
  if (status !== 200) {
    throw new CliError(`the gateway at ${url} is not well (${status} on /healthz): nothing was changed`);
  }
}

async function untilAccepted(options: RotateOptions, password: string): Promise<void> {
  const token = Buffer.from(`${options.username}:${password}`).toString('base64');
  const gateway = new GatewayClient({
    url: options.url,
    authorization: `Basic ${token}`,
    tlsNoVerify: options.tlsNoVerify,
    timeoutMs: TRY_MS,
  });
  const startedMs = performance.now();
  for (;;) {
    const { reason, isRefusal } = await tryPassword(gateway);
    if (reason === undefined) return;
    if (performance.now() - startedMs > (isRefusal ? REFUSED_MS : ANSWER_MS)) {
      throw new CliError(`the gateway at ${options.url} does not take the new password: ${reason}`);
    }
    await sleep(POLL_MS);
  }
}

async function tryPassword(
  gateway: GatewayClient,
): Promise<{ readonly reason?: string; readonly isRefusal: boolean }> {
  try {
    const { status, statusLine } = await gateway.request('GET', '/system/info');
    if (status === 200) return { isRefusal: false };
    if (status !== 401) return { reason: statusLine, isRefusal: false };
    const reason = 'wrong user or password. Is it the gateway of this stack (--gateway, --username)?';
    return { reason, isRefusal: true };
  } catch (error) {
    return { reason: messageOf(error), isRefusal: false };
  }
}

/**
 * Removes the former versions. The name without a version is then made anew with the new password, so that whoever
 * names it, `docker stack deploy` by hand above all, gets the password that holds.
 */
async function tidy(
  shell: Shell,
  {
    rotation,
    services,
    tell,
  }: { rotation: Rotation; services: PasswordServices; tell: RotateOptions['tell'] },
): Promise<void> {
  const { unversioned } = services;
  const kept: string[] = [];
  for (const name of await versions(shell, unversioned)) {
    if (name === rotation.secret) continue;
    try {
      await docker(shell, ['secret', 'rm', name]);
      tell(`Removed ${name}`);
    } catch (error) {
      kept.push(name);
      shell.note(
        `WARNING! ${name} stays, with a former password that the gateway does not take any more: ${messageOf(error)}`,
      );
    }
  }
  if (kept.includes(unversioned)) {
    shell.note(
      `Until it can be removed, deploy the stack by hand with SKEP_PASSWORD_SECRET=${rotation.secret}; "npm run up" knows by itself.`,
    );
  } else {
    await orExplain(
      () => createSecret(shell, unversioned, rotation.password),
      `The new password is in force and saved; only the secret ${unversioned} is missing, which \`docker stack deploy\` by hand asks for. ${AGAIN}`,
    );
  }
  for (const { name } of services.others.filter(({ keepsFirstPassword }) => keepsFirstPassword)) {
    shell.note(
      [
        `${name} keeps the password of its first start in its own database. To change it there, on its node:`,
        `  docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=${name}) sh -c 'grafana cli admin reset-admin-password --password-from-stdin < /run/secrets/${PASSWORD_SECRET}'`,
      ].join('\n'),
    );
  }
}

/** @throws {CliError} with the failure's words and, below, what it means */
async function orExplain(work: () => Promise<void>, state: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new CliError(`${messageOf(error)}\n${state}`, { cause: error });
  }
}
