import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';

const root = join(import.meta.dirname, '..', '..');

export interface ImageRun {
  readonly image: string;
  /** Files of the repository, and texts by file name, that stand in the command's folder, without their own folders. */
  readonly files: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
  /** A shell command. */
  readonly command: string;
}

/** Runs a command of an image over files. Nothing is mounted, so the engine may be anywhere. */
export async function runInImage(run: ImageRun): Promise<{ exitCode: number; output: string }> {
  const archive = pack();
  for (const file of run.files)
    archive.entry({ name: file.replace(/^.*\//, '') }, readFileSync(join(root, file)));
  for (const [name, text] of Object.entries(run.texts ?? {})) archive.entry({ name }, text);
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive) parts.push(part as Uint8Array);
  const script = `mkdir /tmp/work && cd /tmp/work && tar -x && ${run.command}`;
  const child = Bun.spawn(
    ['docker', 'run', '--rm', '-i', '--network', 'none', '--entrypoint', '/bin/sh', run.image, '-c', script],
    { stdin: Buffer.concat(parts), stdout: 'pipe', stderr: 'pipe' },
  );
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, output: stdout + stderr };
}
