import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configFolder } from '../cli/config-file.ts';
import { CliError, fileError, messageOf } from '../cli/errors.ts';
import type { StackFlags } from '../cli/flags.ts';
import { GatewayClient } from '../cli/gateway-client.ts';
import { type LoadedStack, requireStack } from '../cli/load-stack.ts';
import type { Shell } from '../cli/shell.ts';
import { requireSound } from '../cli/stack-check/require-sound.ts';
import { fetchStackTemplates } from '../cli/templates/fetch-template.ts';
import { type Watching, watchFiles } from '../cli/watch/watch-files.ts';
import type { SecretStore } from '../gateway/functions/secret-store.ts';
import { createProcessCluster } from '../gateway/processes/create-process-cluster.ts';
import type { ProcessCluster } from '../gateway/processes/process-cluster-types.ts';
import { type Gateway, startGateway } from '../gateway/start-gateway.ts';
import { claimPort } from '../gateway/workers/claim-port.ts';
import { removeLeftFolders } from '../gateway/workers/own-folder.ts';
import { adminCredentials, toLogin } from './admin-login.ts';
import { answers } from './answers.ts';
import { loadDevConfig } from './dev-config.ts';
import { devLogger, tellLine } from './dev-logger.ts';
import { type DevQueue, findQueue } from './dev-queue.ts';
import { differences } from './differences.ts';
import { GatewayApi } from './gateway-api.ts';
import { lendLogin } from './lent-login.ts';
import { DevOutput } from './output.ts';
import { giveProjectSecrets, secretsFolder } from './project-secrets.ts';
import { DevSession } from './session.ts';
import { DevSources } from './sources.ts';
import { watchdogCommand, writeTools } from './tools.ts';

/** Nobody but this machine reaches what runs here. */
const HOST = '127.0.0.1';
/** A web page can give this machine another name, and would then reach what has no password. */
const HOST_NAMES = [HOST, 'localhost', '[::1]'];
/** Editors write in bursts; a person does not notice this. */
const QUIET_MS = 40;
/** For calls in flight at the end, unless the user is in a hurry. */
const GRACE_MS = 2000;

export interface DevFlags extends StackFlags {
  readonly port: number;
  /** `HOST:PORT`; `none`: in memory; undefined: the one on this machine, where there is one. */
  readonly nats: string | undefined;
  /** Settings of the gateway, over those of `skep dev`. */
  readonly settings: Readonly<Record<string, string>>;
  readonly isVerbose: boolean;
}

/**
 * Runs the functions of a stack file here, without an engine, until a signal ends it.
 * @returns the exit code
 * @throws {CliError} for what keeps it from starting: a wrong stack file or setting, a port that is taken
 */
export async function runDev(shell: Shell, flags: DevFlags): Promise<number> {
  const load = async (): Promise<LoadedStack> => {
    const stack = await requireStack(shell, flags, 'or make one with "skep new NAME --lang LANG"');
    // What is wrong with a function's sources is told with it, and keeps no other from running.
    await requireSound(shell, stack, { sources: false });
    return stack;
  };
  const stack = await load();
  if (stack.functions.length === 0) throw new CliError(`${stack.fileName} has no functions: see "skep new"`);
  const queue = await findQueue(flags.nats, shell.cwd);
  const config = loadDevConfig(flags.settings, { ...queue.settings, port: String(flags.port) });
  const port = await claim(flags.port);
  const gatewayUrl = `http://${HOST}:${port}`;
  const credentials = await adminCredentials(shell);

  const output = new DevOutput(shell);
  const logger = devLogger(output, flags);
  const root = await makeRoot(shell.cwd);
  const tools = join(root, '.tools');
  await writeTools(tools);
  const sources = new DevSources();
  const cluster = createProcessCluster({
    sources,
    watchdogCommand: watchdogCommand(),
    defaultNamespace: config.functionNamespace,
    folder: join(root, '.cluster'),
    logger,
    onLine: (line) => tellLine(output, line, flags.isVerbose),
    environment: shell.env,
  });
  const stop = new AbortController();
  const end = endOnSignals(output, stop);
  let gateway: Gateway | undefined;
  let watching: Watching | undefined;
  let worker: { stop(): Promise<unknown> } | undefined;
  let takeBack = async (): Promise<void> => {};
  const queueParts = { config, gatewayUrl, logger };
  const login = toLogin(credentials);
  const session = new DevSession(stack, {
    shell,
    gateway: gatewayUrl,
    api: new GatewayApi(
      new GatewayClient({ url: gatewayUrl, authorization: `Basic ${login.token}` }),
      config.functionNamespace,
    ),
    sources,
    output,
    root,
    tools,
    isVerbose: flags.isVerbose,
    stackFile: isUrl(stack.fileName) ? undefined : stack.fileName,
    load,
    onPaths: async () => watching?.setPaths(session.paths),
    fetchTemplate: (fn, templates) => fetchStackTemplates(shell, [fn], { templates, disabled: false }),
    giveSecrets: (deployment) =>
      giveProjectSecrets(deployment, {
        folder: secretsFolder(shell.cwd),
        store: cluster.secrets,
        defaultNamespace: config.functionNamespace,
      }),
    foldersInUse: cluster.foldersInUse,
    stop: stop.signal,
  });
  try {
    removeLeftFolders();
    const ownQueue = queue.open(queueParts);
    gateway = await startGateway({
      config,
      host: HOST,
      hosts: HOST_NAMES,
      port,
      logger,
      credentials,
      cluster: cluster.provider,
      secrets: telling(cluster.secrets, () => void session.retryBroken()),
      namespaces: cluster.namespaces,
      builder: cluster.builder,
      logSource: cluster.logSource,
      metricsHost: async () => HOST,
      workerCommand: 'own',
      hasPrometheus: false,
      ...(ownQueue && { queue: ownQueue }),
      onHopeless: (reason) => output.problem('skep', reason.message),
    });
    worker = await queue.work(queueParts);
    takeBack = await lendLogin(gatewayUrl, login, { folder: configFolder(shell), isServed });
    for (const line of greeting({ url: gatewayUrl, passwordFile: credentials.path, queue, port }))
      output.say(line);
    for (const line of differences(stack.functions)) output.say(line);
    output.say('');
    let changes: Promise<unknown> = Promise.resolve();
    watching = await watchFiles({
      root: shell.cwd,
      paths: session.paths,
      quietMs: QUIET_MS,
      onNote: (text) => output.problem('skep', text),
      onChange: (changed) => {
        changes = Promise.all([changes, session.onChange(changed)]);
      },
    });
    await session.start();
    if (!stop.signal.aborted) output.say(`Watching ${list(session.names)} for changes. Ctrl-C ends.`);
    await end.wanted;
    await watching.close();
    await Promise.race([changes, end.hurried]);
  } finally {
    await watching?.close();
    // While nobody else can have the port.
    await takeBack().catch((error: unknown) => output.problem('skep', messageOf(error)));
    await finish({ gateway, worker, cluster, output, hurried: end.hurried });
  }
  return 0;
}

/** `.skep/dev` of the project, which no version control is to see. */
async function makeRoot(cwd: string): Promise<string> {
  const folder = join(cwd, '.skep');
  try {
    await mkdir(join(folder, 'dev'), { recursive: true });
    await writeFile(join(folder, '.gitignore'), '*\n');
    // Programs print real paths, and so does what they print become readable again.
    return await realpath(join(folder, 'dev'));
  } catch (error) {
    throw fileError('make', folder, error);
  }
}

async function claim(port: number): Promise<number> {
  try {
    return await claimHere(port);
  } catch (error) {
    throw new CliError(
      `${messageOf(error)}\nChoose another with --port, such as: skep dev --port ${port + 1}`,
      {
        cause: error,
      },
    );
  }
}

async function claimHere(port: number): Promise<number> {
  // On a Mac who listens on one address takes it from who listens on all of them, such as a gateway in Docker.
  if (port !== 0 && (await answers({ host: HOST, port })))
    throw new Error(`port ${port} of ${HOST} cannot be had: another program listens on it`);
  return claimPort(HOST, port);
}

function isServed(gateway: string): Promise<boolean> {
  return claimHere(Number(new URL(gateway).port)).then(
    () => false,
    () => true,
  );
}

function greeting(about: { url: string; passwordFile: string; queue: DevQueue; port: number }): string[] {
  const { url, passwordFile, queue, port } = about;
  return [
    `Gateway  ${url}  (user admin, password in ${passwordFile}; skep and faas-cli are logged in)`,
    ...(port === 8080 ? [] : [`         export OPENFAAS_URL=${url}`]),
    `Queue    ${queue.description}`,
  ];
}

function list(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.length} functions`;
}

/** Tells when a secret has come, which somebody may have waited for. */
function telling(store: SecretStore, onCreate: () => void): SecretStore {
  return {
    list: (namespace) => store.list(namespace),
    create: async (ref, value) => {
      await store.create(ref, value);
      onCreate();
    },
    update: (ref, value) => store.update(ref, value),
    remove: (ref) => store.remove(ref),
    removeUnused: () => store.removeUnused(),
  };
}

function isUrl(fileName: string): boolean {
  return /^https?:\/\//i.test(fileName);
}

interface End {
  /** Somebody wants it to end. */
  readonly wanted: Promise<void>;
  /** And again: at once. */
  readonly hurried: Promise<void>;
}

function endOnSignals(output: DevOutput, stop: AbortController): End {
  const wanted = Promise.withResolvers<void>();
  const hurried = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) {
        hurried.resolve();
        return;
      }
      output.say('');
      output.say('Stopping; once more ends it at once.');
      stop.abort();
      wanted.resolve();
    });
  }
  return { wanted: wanted.promise, hurried: hurried.promise };
}

async function finish(parts: {
  gateway: Gateway | undefined;
  worker: { stop(): Promise<unknown> } | undefined;
  cluster: ProcessCluster;
  output: DevOutput;
  hurried: Promise<void>;
}): Promise<void> {
  const { gateway, worker, cluster, output, hurried } = parts;
  void worker?.stop();
  const stopped = gateway?.stop();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, GRACE_MS);
  const report = await Promise.race([stopped, late.promise, hurried]);
  clearTimeout(timer);
  await cluster.stop(report ? GRACE_MS : 0);
  const lost = report?.lost ?? 0;
  if (lost === 1) output.say('An asynchronous call waited in memory, and is lost.');
  if (lost > 1) output.say(`${lost} asynchronous calls waited in memory, and are lost.`);
}
