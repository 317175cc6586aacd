import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Left behind by working on a template; never part of it. */
const SKIPPED = ['node_modules', '__pycache__', '.git', '.pytest_cache'];

/**
 * Run as a macro while the executable is compiled: every template of the repository, with file modes, as the JSON text of
 * `{ "<lang>": [{ "path": "Dockerfile", "mode": 420, "base64": "…" }] }`.
 */
export function generateTemplateArchive(): string {
  const root = join(import.meta.dirname, '..', '..', 'templates');
  const archive: Record<string, { path: string; mode: number; base64: string }[]> = {};
  for (const lang of existsSync(root) ? readdirSync(root).sort() : []) {
    if (!existsSync(join(root, lang, 'template.yml'))) continue;
    const files: { path: string; mode: number; base64: string }[] = [];
    const walk = (relative: string): void => {
      for (const name of readdirSync(join(root, lang, relative)).sort()) {
        if (SKIPPED.includes(name)) continue;
        const path = relative === '' ? name : `${relative}/${name}`;
        const info = statSync(join(root, lang, path));
        if (info.isDirectory()) walk(path);
        else {
          const base64 = readFileSync(join(root, lang, path)).toString('base64');
          files.push({ path, mode: info.mode & 0o777, base64 });
        }
      }
    };
    walk('');
    archive[lang] = files;
  }
  return JSON.stringify(archive);
}
