import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type Answer, type Received, ScriptedGateway } from './scripted-gateway.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts');

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own with a home of its own, in which `skep` runs from source. */
export class Workplace {
  #gateway: ScriptedGateway | undefined;
  readonly path = mkdtempSync(join(tmpdir(), 'skep-cli-'));
  readonly home = join(this.path, '.home');
  readonly env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: this.home,
    // No test looks for templates on the network.
    OPENFAAS_TEMPLATE_STORE_URL: join(this.home, 'templates.json'),
  };

  constructor() {
    mkdirSync(this.home);
    writeFileSync(join(this.home, 'templates.json'), '[]');
  }

  /** The gateway that `skep` calls in here where no other is named; it ends with this place. */
  async startGateway(answer?: (request: Received) => Answer): Promise<ScriptedGateway> {
    this.#gateway = await ScriptedGateway.start(answer);
    this.env['OPENFAAS_URL'] = this.#gateway.url;
    return this.#gateway;
  }

  write(path: string, content: string, mode = 0o644): void {
    const target = join(this.path, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8');
  }

  /** A template in ./template, as users have them. */
  addTemplate(lang: string, manifest = 'language: test\nfprocess: ./run\n'): void {
    this.write(`template/${lang}/template.yml`, manifest);
    this.write(`template/${lang}/Dockerfile`, 'FROM scratch\nCOPY . .\n');
    this.write(`template/${lang}/entry.sh`, '#!/bin/sh\n', 0o755);
    this.write(`template/${lang}/function/handler.txt`, 'starter\n');
  }

  /** A `docker` first on the PATH that writes down how it was called; `script` decides what it does then. */
  addDocker(script = 'exit 0'): void {
    this.write(
      '.bin/docker',
      `#!/bin/sh\nprintf '%s|' "$PWD" "$DOCKER_BUILDKIT" "$@" >> "${this.path}/calls"\necho >> "${this.path}/calls"\n${script}\n`,
      0o755,
    );
    this.env['PATH'] = `${join(this.path, '.bin')}${delimiter}${this.env['PATH'] ?? ''}`;
  }

  /** The calls of `docker`: folder, DOCKER_BUILDKIT, arguments. */
  dockerCalls(): { cwd: string; buildkit: string; args: string[] }[] {
    return this.read('calls')
      .trim()
      .split('\n')
      .map((line) => {
        const [cwd = '', buildkit = '', ...args] = line.split('|').slice(0, -1);
        return { cwd, buildkit, args };
      });
  }

  skep(args: readonly string[], stdin: string | Uint8Array = ''): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [MAIN, ...args], { cwd: this.path, env: this.env });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', reject);
      child.on('close', (code) =>
        resolve({
          exitCode: code ?? -1,
          stdout: Buffer.concat(out).toString('utf8'),
          stderr: Buffer.concat(err).toString('utf8'),
        }),
      );
      child.stdin.on('error', () => {}); // a command that does not read its input is no failure of ours
      child.stdin.end(stdin);
    });
  }

  async remove(): Promise<void> {
    rmSync(this.path, { recursive: true, force: true });
    await this.#gateway?.stop();
  }
}
