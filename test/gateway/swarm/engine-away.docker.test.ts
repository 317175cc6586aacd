import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import type { LogLine, LogSource } from '../../../gateway/functions/log-source.ts';
import type { NamespaceStore } from '../../../gateway/functions/namespace-store.ts';
import type { Provider } from '../../../gateway/functions/provider.ts';
import type { SecretStore } from '../../../gateway/functions/secret-store.ts';
import { connectEngine } from '../../../gateway/swarm/connect-engine.ts';
import { createSwarmLogs } from '../../../gateway/swarm/swarm-logs.ts';
import { createSwarmNamespaces } from '../../../gateway/swarm/swarm-namespaces.ts';
import { createSwarmProvider } from '../../../gateway/swarm/swarm-provider.ts';
import { createSwarmSecrets } from '../../../gateway/swarm/swarm-secrets.ts';
import { openSwarm, type SwarmForTests } from '../../provider-contract/open-swarm.ts';
import { type EngineProxy, type Mishap, openEngineProxy } from '../../support/engine-proxy.ts';
import { until } from '../../support/platform.ts';

const PREFIX = 'away';
/** Calls that are to succeed must keep within it, too. */
const LIMIT_MS = 700;

/** Mishaps by what they leave of a change. */
const NOT_DONE: readonly Mishap[] = ['silent', 'hung_up', 'garbage_500', 'garbage_200', 'no_http'];
const DONE: readonly Mishap[] = ['answer_lost', 'answer_cut', 'answer_stalled'];

describe('a swarm whose engine goes away in the middle', function () {
  this.timeout(60_000);
  const ref = { name: `${PREFIX}-fn`, namespace: 'openfaas-fn' };
  const secret = { name: `${PREFIX}-key`, namespace: 'openfaas-fn' };
  const namespace = { name: `${PREFIX}-dev`, labels: {}, annotations: { openfaas: '1' } };
  let swarm: SwarmForTests;
  let proxy: EngineProxy;
  /** By way of the proxy. */
  let provider: Provider;
  let secrets: SecretStore;
  let namespaces: NamespaceStore;
  let logs: LogSource;
  /** Past it: what is really there. */
  let trueSecrets: SecretStore;
  let trueNamespaces: NamespaceStore;

  before(async () => {
    swarm = await openSwarm(PREFIX);
    trueSecrets = createSwarmSecrets({ docker: swarm.docker });
    trueNamespaces = createSwarmNamespaces({ docker: swarm.docker });
    proxy = await openEngineProxy();
    const docker = connectEngine({ DOCKER_HOST: proxy.address });
    const options = { docker, callLimitMs: LIMIT_MS };
    const version = { release: '0', sha: '0' };
    provider = createSwarmProvider({ ...options, functionsNetwork: swarm.network, version });
    secrets = createSwarmSecrets(options);
    namespaces = createSwarmNamespaces(options);
    logs = createSwarmLogs({ ...options, silenceMs: LIMIT_MS });
    await Promise.all([provider.ping(), secrets.list('x'), namespaces.list()]);
  });
  afterEach(async () => {
    await proxy.mend();
    await forget();
  });
  after(async () => {
    await proxy?.close();
    await swarm?.close();
  });

  /** Removes what the tests make; what is not there is fine. */
  const forget = async (): Promise<void> => {
    await quietly(swarm.provider.remove(ref));
    await quietly(trueSecrets.remove(secret));
    await quietly(trueNamespaces.remove(namespace.name));
  };
  const deployment = (envVars?: Record<string, string>) => ({
    service: ref.name,
    image: swarm.image,
    labels: { 'com.openfaas.scale.min': '0' },
    ...(envVars !== undefined && { envVars }),
  });

  interface Operation {
    readonly what: string;
    readonly run: () => Promise<unknown>;
    /** Makes true what it needs, past the proxy. */
    readonly prepare?: () => Promise<unknown>;
    /** For a change: what is there, past the proxy. */
    readonly look?: () => Promise<unknown>;
    /** For a change that was done and is asked for again: the code of the refusal; undefined: it is done again. */
    readonly again?: string;
  }

  const makeFunction = () => swarm.provider.create(deployment());
  const makeSecret = () => trueSecrets.create(secret, Buffer.from('old'));
  const makeNamespace = () => trueNamespaces.create(namespace);
  /** Without what differs from run to run. */
  const lookAtFunction = async () => {
    const found = await orUndefined(swarm.provider.read(ref));
    return found === undefined ? undefined : [found.envVars, found.replicas, found.image];
  };
  const lookAtSecrets = async () => {
    const all = await swarm.docker.listSecrets();
    return all.filter(({ Spec }) => Spec?.Labels?.['skep.secret'] === secret.name).length;
  };
  const lookAtNamespace = async () =>
    (await trueNamespaces.list()).find(({ name }) => name === namespace.name)?.labels;

  const reads: readonly Operation[] = [
    { what: 'listing functions', run: () => provider.list() },
    { what: 'reading a function', run: () => provider.read(ref), prepare: makeFunction },
    { what: 'reading the replicas', run: () => provider.snapshot(), prepare: makeFunction },
    { what: 'the ping', run: () => provider.ping() },
    { what: 'listing secrets', run: () => secrets.list('openfaas-fn') },
    { what: 'listing namespaces', run: () => namespaces.list() },
    {
      what: 'opening a log',
      run: async () => {
        const request = { ref, follow: false };
        const lines: LogLine[] = [];
        for await (const line of await logs.open(request, AbortSignal.timeout(10_000))) lines.push(line);
        return lines;
      },
      prepare: makeFunction,
    },
  ];
  const changes: readonly Operation[] = [
    {
      what: 'creating a function',
      run: () => provider.create(deployment({ a: '1' })),
      look: lookAtFunction,
      again: 'function_exists',
    },
    {
      what: 'updating a function',
      prepare: makeFunction,
      run: () => provider.update(deployment({ a: '2' })),
      look: lookAtFunction,
    },
    {
      what: 'scaling a function',
      prepare: makeFunction,
      run: () => provider.scale(ref, 1),
      look: lookAtFunction,
    },
    {
      what: 'removing a function',
      prepare: makeFunction,
      run: () => provider.remove(ref),
      look: lookAtFunction,
      again: 'function_not_found',
    },
    {
      what: 'creating a secret',
      run: () => secrets.create(secret, Buffer.from('new')),
      look: lookAtSecrets,
      again: 'secret_exists',
    },
    {
      what: 'removing a secret',
      prepare: makeSecret,
      run: () => secrets.remove(secret),
      look: lookAtSecrets,
      again: 'secret_not_found',
    },
    {
      what: 'creating a namespace',
      run: () => namespaces.create(namespace),
      look: lookAtNamespace,
      again: 'namespace_exists',
    },
    {
      what: 'updating a namespace',
      prepare: makeNamespace,
      run: () => namespaces.update({ ...namespace, labels: { a: 'b' } }),
      look: lookAtNamespace,
    },
    {
      what: 'removing a namespace',
      prepare: makeNamespace,
      run: () => namespaces.remove(namespace.name),
      look: lookAtNamespace,
      again: 'namespace_not_found',
    },
  ];

  /** @throws {Error} unless it fails with one sentence that says that the engine is away */
  const refused = async (operation: Operation, mishap: string): Promise<void> => {
    const error = await operation.run().then(
      (value) => new Error(`${mishap}: it answered ${JSON.stringify(value)}`),
      (cause: unknown) => cause,
    );
    if (!(error instanceof FaasError)) throw error;
    expect(error.code, `${mishap}: ${error.message}`).to.equal('provider_unavailable');
    expect(error.message, mishap).to.match(/^the Docker engine .{10,600}$/);
  };

  for (const operation of [...reads, ...changes]) {
    it(`answers ${operation.what} with the reason, changes nothing, and goes on once it is back`, async () => {
      await operation.prepare?.();
      const before = await operation.look?.();
      const mishaps = operation.look === undefined ? [...NOT_DONE, ...DONE] : NOT_DONE;
      for (const mishap of mishaps) {
        proxy.befall(mishap);
        await refused(operation, mishap);
      }
      proxy.refuse();
      await refused(operation, 'refused');
      expect(await operation.look?.()).to.deep.equal(before);
      await proxy.mend();
      await operation.run();
    });
  }

  for (const operation of changes) {
    describe(`${operation.what}, when the change itself is what fails`, () => {
      const isWrite = ({ method }: { readonly method: string }): boolean => method !== 'GET';

      it('changes nothing where the engine has not heard of it, and works when it is asked again', async () => {
        await operation.prepare?.();
        const before = await operation.look?.();
        for (const mishap of NOT_DONE) {
          proxy.befall(mishap, isWrite);
          await refused(operation, mishap);
          expect(proxy.requests.filter(isWrite).length, `${mishap}: sent once`).to.equal(1);
          await proxy.mend();
          expect(await operation.look?.(), mishap).to.deep.equal(before);
        }
        await operation.run();
        expect(await operation.look?.()).to.not.deep.equal(before);
      });

      for (const mishap of DONE) {
        it(`is done whole where the answer is lost (${mishap}), says that it may be, and tells the truth when asked again`, async () => {
          await operation.prepare?.();
          const before = await operation.look?.();
          proxy.befall(mishap, isWrite);
          const error = await operation.run().catch((cause: unknown) => cause);
          expect(error).to.be.instanceOf(FaasError).with.property('code', 'provider_unavailable');
          expect((error as FaasError).message).to.include('it may have been done all the same');
          expect(proxy.requests.filter(isWrite).length, 'sent once').to.equal(1);
          await proxy.mend();
          await until('the change', async () => !isSame(await operation.look?.(), before), 5000);
          const again = await operation.run().then(
            () => undefined,
            (cause: unknown) => (cause instanceof FaasError ? cause.code : String(cause)),
          );
          expect(again).to.equal(operation.again);
        });
      }
    });
  }

  it('lets go of every connection that it waited on', async () => {
    for (const mishap of ['silent', 'answer_stalled'] as const) {
      proxy.befall(mishap);
      for (const { run } of reads) await quietly(run());
    }
    await until('the end of the connections', async () => proxy.openConnections === 0, 5000);
  });

  it('is asked again by whoever watches, who then looks at everything anew', async () => {
    let hints = 0;
    const stop = provider.watch(() => void hints++);
    try {
      await until('the first hint', async () => hints > 0);
      proxy.refuse();
      const before = hints;
      await makeFunction(); // unseen: nobody is connected
      await proxy.mend();
      await until('a hint after the return', async () => hints > before, 15_000);
    } finally {
      stop();
    }
  });

  it('updates a secret in whole versions: the old one stands until the new one is there', async () => {
    await makeSecret();
    const isCreate = ({ path }: { readonly path: string }): boolean => path === '/secrets/create';
    for (const mishap of ['hung_up', 'answer_lost'] as const) {
      proxy.befall(mishap, isCreate);
      await refused({ what: 'update', run: () => secrets.update(secret, Buffer.from('new')) }, mishap);
      await proxy.mend();
      expect(await trueSecrets.list('openfaas-fn')).to.deep.include(secret);
    }
    await secrets.update(secret, Buffer.from('newer'));
    expect(await lookAtSecrets()).to.equal(1);
  });
});

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof FaasError && error.status === 404) return undefined;
    throw error;
  }
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
