import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../../cli/main.ts');
const ORIGIN = /^Gateway {2}(http:\S+)/;

/** A project folder with logins of its own, in which `skep dev` and other commands run from source. */
export class DevProject {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'skep-dev-')));
  readonly env: Record<string, string | undefined> = {
    ...process.env, // package managers have their settings and caches in the user's home
    OPENFAAS_CONFIG: join(this.path, '.login'),
    SKEP_HOME: join(this.path, '.admin'),
    OPENFAAS_URL: undefined,
    NO_COLOR: undefined,
  };
  /** Runs `skep` from its source. */
  program = process.execPath;
  readonly #running: DevProcess[] = [];

  /** @param neighbour of the same user: they have their logins in common */
  constructor(neighbour?: DevProject) {
    if (neighbour === undefined) return;
    this.env['OPENFAAS_CONFIG'] = neighbour.env['OPENFAAS_CONFIG'];
    this.env['SKEP_HOME'] = neighbour.env['SKEP_HOME'];
  }

  write(path: string, content: string): void {
    const target = join(this.path, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.path, path));
  }

  replace(path: string, from: string | RegExp, to: string): void {
    const text = this.read(path);
    const replaced = text.replace(from, to);
    if (replaced === text) throw new Error(`${path} does not hold ${from}`);
    this.write(path, replaced);
  }

  /** A stack file of functions with these settings each. */
  writeStack(functions: Readonly<Record<string, string>>): void {
    const blocks = Object.entries(functions).map(([name, settings]) => `  ${name}:\n${indented(settings)}`);
    this.write('stack.yaml', `version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n${blocks.join('')}`);
  }

  /**
   * A template whose functions are `handler.sh`, which answers to stdin; `build` is a file of shell commands that must succeed.
   * Every POSIX machine runs it.
   */
  addShellTemplate(name = 'shell', dev = 'dev: {build: sh check.sh}'): void {
    this.write(
      `template/${name}/template.yml`,
      `language: ${name}\nfprocess: sh function/handler.sh\n${dev}\n`,
    );
    this.write(`template/${name}/Dockerfile`, 'FROM scratch\nWORKDIR /home/app\nENV combine_output=false\n');
    this.write(`template/${name}/check.sh`, 'sh -n function/handler.sh\n');
    this.write(`template/${name}/function/handler.sh`, 'echo starter\n');
  }

  /** Runs a command of `skep` to its end. */
  async skep(args: readonly string[], stdin = ''): Promise<{ exitCode: number; output: string }> {
    const child = spawnOnOnePipe([this.program, MAIN, ...args], { cwd: this.path, env: this.env });
    child.stdin?.end(stdin);
    const lines: string[] = [];
    collect(child, (line) => lines.push(line));
    const exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
    return { exitCode, output: lines.join('\n') };
  }

  /** Starts `skep dev`; resolves when its gateway listens. */
  async dev(args: readonly string[] = ['--no-nats']): Promise<DevProcess> {
    const dev = new DevProcess([this.program, MAIN, 'dev', '--port', '0', ...args], {
      cwd: this.path,
      env: this.env,
    });
    this.#running.push(dev);
    const [, url = ''] = ORIGIN.exec(await dev.line(ORIGIN)) ?? [];
    dev.url = url;
    this.env['OPENFAAS_URL'] = url;
    return dev;
  }

  /** Ends what runs and removes everything. @param test of which the output is shown if it failed */
  async remove(test?: { readonly state?: 'failed' | 'passed' | 'pending' | undefined }): Promise<void> {
    for (const dev of this.#running) {
      await dev.end('SIGTERM');
      if (test?.state === 'failed') console.log(dev.output.replace(/^/gm, '      | '));
    }
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** One `skep dev`, or another program, that runs. */
export class DevProcess {
  readonly lines: string[] = [];
  url = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #closed = false;
  #read = 0;
  #onLine = (): void => {};

  constructor(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
    const child = spawnOnOnePipe(command, options);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.on('close', (code) => {
        this.#closed = true;
        resolve(code ?? -1);
        this.#onLine();
      });
    });
    child.stdin?.on('error', () => {});
    collect(child, (line) => {
      this.lines.push(line);
      this.#onLine();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Of its gateway, which has a file of it in memory. Linux tells. */
  get gatewayFolder(): string {
    const [folder = ''] =
      /\/\S*skep-gateway-\w{6}(?=\/)/.exec(readFileSync(`/proc/${this.pid}/maps`, 'utf8')) ?? [];
    return folder;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** Resolves with the first line that matches, of those after the one that was found last. */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        for (; this.#read < this.lines.length; this.#read += 1) {
          const line = this.lines[this.#read] ?? '';
          if (!pattern.test(line)) continue;
          this.#read += 1;
          this.#onLine = () => {};
          resolve(line);
          return;
        }
        if (this.#closed) reject(new Error(`skep dev has ended, and never said ${pattern}:\n${this.output}`));
      };
      this.#onLine = look;
      look();
    });
  }

  async call(
    name: string,
    body = 'hi',
    headers: Readonly<Record<string, string>> = { 'Content-Type': 'text/plain' },
  ): Promise<{ status: number; text: string }> {
    const path = name.includes('/') ? name : `/function/${name}`;
    const response = await fetch(`${this.url}${path}`, { method: 'POST', body, headers });
    return { status: response.status, text: await response.text() };
  }

  /** @returns its exit code */
  async end(signal: NodeJS.Signals): Promise<number> {
    this.#child.kill(signal);
    return this.#ended;
  }

  get ended(): Promise<number> {
    return this.#ended;
  }
}

/** Its lines come in the order in which it wrote them: those of two pipes are read in any order. */
function spawnOnOnePipe(
  command: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): ChildProcess {
  return spawn('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...command], options);
}

function collect({ stdout }: ChildProcess, onLine: (line: string) => void): void {
  if (stdout) createInterface({ input: stdout }).on('line', onLine);
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ').replace(/\n?$/, '\n');
}
