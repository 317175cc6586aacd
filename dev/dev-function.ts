import { setTimeout as sleep } from 'node:timers/promises';
import { deploymentOf, NO_OVERRIDES } from '../cli/deploy/deployment-of.ts';
import { functionUrl } from '../cli/deploy/function-url.ts';
import { CliError, messageOf } from '../cli/errors.ts';
import type { Shell } from '../cli/shell.ts';
import { isDockerfileLang } from '../cli/templates/find-template.ts';
import type { FunctionDeployment, Rollout } from '../contract/function-types.ts';
import type { StackFile, StackFunction } from '../contract/stack-file.ts';
import { StepFailed } from './do-step.ts';
import type { GatewayApi } from './gateway-api.ts';
import type { DevOutput } from './output.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { DevSources } from './sources.ts';
import type { WorkFolder } from './work-folder.ts';

const LOOK_AGAIN_MS = 40;
/** Looks in a row at a roll-out that may fail. */
const MOST_FAILURES = 10;

export interface DevFunctionOptions {
  readonly shell: Shell;
  readonly gateway: string;
  readonly api: GatewayApi;
  readonly sources: DevSources;
  readonly output: DevOutput;
  readonly folder: WorkFolder;
  readonly tools: string;
  readonly isVerbose: boolean;
  /** Fetches the template that it is made from, where it is not here. @throws {CliError} when there is none */
  readonly fetchTemplate: (fn: StackFunction, templates: StackFile['templates']) => Promise<void>;
  /** Brings the secrets of the project's files into the cluster; resolves with what stands for their values. */
  readonly giveSecrets: (deployment: FunctionDeployment) => Promise<string>;
  /** Absolute paths of folders that processes run in, of all functions. */
  readonly foldersInUse: () => ReadonlySet<string>;
  readonly stop: AbortSignal;
  /** Settled when nobody else works in its folder. */
  readonly after: Promise<void>;
}

/** What it is made of, and what it is deployed with. */
export interface DevFunctionSource {
  readonly fn: StackFunction;
  /** Extra paths, as for a build. */
  readonly copy: readonly string[];
  /** Where templates come from. */
  readonly templates: StackFile['templates'];
}

/** Keeps one function in step with its sources: one refresh at a time, and one more when something has changed meanwhile. */
export class DevFunction {
  readonly #options: DevFunctionOptions;
  #source: DevFunctionSource;
  #deployed: FunctionDeployment | undefined;
  /** Stands for what was deployed last; undefined: nothing, or nothing that came to be. */
  #deployedKey: string | undefined;
  /** How that fares is not known yet. */
  #isOpen = false;
  #hasProven = false;
  #generation = 0;
  #work: Promise<void>;
  #superseded = new AbortController();
  /** To be told of each change. */
  readonly #onNewer = new Set<() => void>();
  #hasGuessed = false;
  readonly #removed = new AbortController();
  /** Why it is not in step with its sources; undefined: it is, or nobody knows yet. */
  trouble: string | undefined;

  constructor(source: DevFunctionSource, options: DevFunctionOptions) {
    this.#source = source;
    this.#options = options;
    this.#work = options.after;
  }

  get name(): string {
    return this.#source.fn.name;
  }

  get image(): string {
    return imageOf(this.#source.fn);
  }

  get usesSecrets(): boolean {
    return this.#source.fn.secrets.length > 0;
  }

  /** Whether another source is another function: what it is made of, or deployed with, differs. */
  isMadeOf(source: DevFunctionSource): boolean {
    return JSON.stringify(source) === JSON.stringify(this.#source);
  }

  /** Whoever brings it in step from now on takes this. */
  become(source: DevFunctionSource): void {
    this.#source = source;
  }

  /**
   * Brings it in step with its sources. Never rejects: what is wrong is told, and what runs stays.
   * @param since when the change was noticed, as `performance.now()`
   */
  refresh(since: number): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#superseded.abort();
    for (const tell of this.#onNewer) tell();
    this.#work = this.#work.then(async () => {
      // Whoever asked later does it, with all that has changed until then.
      if (generation !== this.#generation || this.#options.stop.aborted || this.#removed.signal.aborted)
        return;
      this.#superseded = new AbortController();
      await this.#refresh(since);
    });
    return this.#work;
  }

  /** Removes it from the gateway; an installation is broken off. Never rejects. */
  remove(): Promise<void> {
    this.#removed.abort();
    this.#superseded.abort();
    const { api, sources, output } = this.#options;
    this.#work = this.#work.then(async () => {
      sources.remove(this.name);
      if (!this.#deployed) return;
      try {
        await api.remove(this.#deployed);
        output.event(this.name, 'removed');
      } catch (error) {
        output.problem(this.name, `could not be removed: ${messageOf(error)}`);
      }
    });
    return this.#work;
  }

  async #refresh(since: number): Promise<void> {
    const { api, output, stop } = this.#options;
    const superseded = this.#superseded.signal;
    try {
      const { deployment, prepared } = await this.#prepare(superseded);
      const secrets = await this.#options.giveSecrets(deployment);
      const key = JSON.stringify([deployment, prepared.version, secrets]);
      if (key === this.#deployedKey && !(await api.isThere(deployment))) {
        output.event(this.name, 'was removed from the gateway, and is deployed again');
        this.#deployedKey = undefined;
      }
      if (key === this.#deployedKey && !this.#isOpen) {
        if (this.trouble !== undefined) output.event(this.name, 'is again what serves');
        this.trouble = undefined;
        return;
      }
      await this.#deploy(deployment, prepared, { key, since, superseded });
    } catch (error) {
      if (stop.aborted || superseded.aborted) return;
      this.#tell(error);
    }
    output.status('');
  }

  async #prepare(superseded: AbortSignal): Promise<{ deployment: FunctionDeployment; prepared: Prepared }> {
    const { fn, copy, templates } = this.#source;
    const { shell, output, folder, tools, stop, isVerbose } = this.#options;
    if (fn.skipBuild && fn.lang === '')
      throw new CliError(
        `its image ${fn.image} is run as it is (skip_build), which needs an engine: left out here`,
      );
    // First of all: what is wrong with the stack file is told without waiting for packages.
    const deployment = await deploymentOf(shell, { ...fn, image: imageOf(fn) }, NO_OVERRIDES);
    await this.#options.fetchTemplate(fn, templates);
    const began = performance.now();
    let step = '';
    const ticker = setInterval(() => {
      if (step !== '')
        output.status(`${fn.name}: ${step}, ${Math.round((performance.now() - began) / 1000)} s`);
    }, 1000);
    try {
      const prepared = await prepare(
        {
          shell,
          fn,
          copy,
          folder,
          tools,
          onStep: (what) => {
            step = what;
            if (!this.#deployed || what !== 'building') output.event(fn.name, `${what}…`);
            output.status(`${fn.name}: ${what}`);
          },
          onLine: (line) => {
            if (isVerbose) output.step(fn.name, line);
          },
        },
        {
          stop: AbortSignal.any([stop, this.#removed.signal]),
          superseded,
          onNewer: (tell) => {
            this.#onNewer.add(tell);
            return () => void this.#onNewer.delete(tell);
          },
          newest: () => this.#source,
        },
      );
      if (prepared.isGuess && !this.#hasGuessed) this.#sayGuess();
      return { deployment, prepared };
    } finally {
      clearInterval(ticker);
    }
  }

  async #deploy(
    deployment: FunctionDeployment,
    prepared: Prepared,
    { key, since, superseded }: { key: string; since: number; superseded: AbortSignal },
  ): Promise<void> {
    const { api, sources, output, gateway } = this.#options;
    if (key !== this.#deployedKey) {
      if (this.#deployed && this.#deployed.namespace !== deployment.namespace)
        await api.remove(this.#deployed);
      sources.set(deployment.image, this.name, prepared);
      await api.deploy(deployment);
      this.#deployed = deployment;
      this.#deployedKey = key;
      this.#isOpen = true;
    }
    const isFirst = !this.#hasProven;
    const rollout = await this.#outcome(deployment, superseded);
    if (rollout === undefined) return;
    this.#isOpen = false;
    if (rollout.state === 'failed') {
      this.#deployedKey = undefined; // the same sources may be tried again
      throw new CliError(`the new version does not start: ${rollout.error ?? 'no reason is known'}`);
    }
    // Calls of versions before may still be on their way.
    await this.#options.folder.removeUnused(prepared.version, this.#options.foldersInUse());
    this.#hasProven = true;
    const took = `${((performance.now() - since) / 1000).toFixed(2)} s`;
    const wasInTrouble = this.trouble !== undefined;
    this.trouble = undefined;
    if (isFirst)
      output.event(this.name, `ready: ${functionUrl(gateway, this.name, deployment.namespace)} (${took})`);
    else output.event(this.name, wasInTrouble ? `works again, after ${took}` : `reloaded in ${took}`);
  }

  /** How the roll-out ended; undefined: it does not matter any more. */
  async #outcome(deployment: FunctionDeployment, superseded: AbortSignal): Promise<Rollout | undefined> {
    const { api, stop } = this.#options;
    let failures = 0;
    while (!stop.aborted && !superseded.aborted) {
      try {
        const rollout = await api.rollout(deployment);
        if (rollout.state !== 'running') return rollout;
        failures = 0;
      } catch (error) {
        // A kept connection that breaks says nothing about the function.
        failures += 1;
        if (failures === MOST_FAILURES) throw error;
      }
      await sleep(LOOK_AGAIN_MS);
    }
    return undefined;
  }

  #tell(error: unknown): void {
    const { sources, output, isVerbose } = this.#options;
    this.trouble = messageOf(error);
    sources.fail(this.image, this.name, this.trouble);
    if (error instanceof StepFailed && !isVerbose)
      for (const line of error.lines) output.step(this.name, line);
    output.problem(this.name, this.trouble);
    if (this.#hasProven) output.problem(this.name, 'The version before goes on serving.');
  }

  #sayGuess(): void {
    this.#hasGuessed = true;
    const { lang } = this.#source.fn;
    const why = isDockerfileLang(lang)
      ? 'its Dockerfile is not built here'
      : `the template "${lang}" does not say how it runs without an image (dev: in template.yml)`;
    this.#options.output.event(
      this.name,
      `${why}: it runs with the ENV of its Dockerfile and with programs of this machine, and nothing is installed or built`,
    );
  }
}

/** Nothing is pushed anywhere: a function needs no image's name of its own here. */
function imageOf({ image, name }: StackFunction): string {
  return image === '' ? `${name}:latest` : image;
}
