import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** What no function is made of, whatever .gitignore says: packages, version control, what was built, our own folders. */
const NEVER =
  /^(\.git|\.hg|\.svn|\.skep|node_modules|__pycache__|\.pytest_cache|\.mypy_cache|\.venv|\.DS_Store)$/;

/** Files that editors write beside the one that is edited: vim, emacs, gedit, JetBrains, kate. */
const EDITOR =
  /(~|\.sw[a-z]|\.tmp|\.bak|\.kate-swp|___jb_(?:tmp|old)___)$|^4913$|^\.#|^#.*#$|^\.goutputstream-/;

/**
 * Says which paths beneath a folder are not worth a look: by the `.gitignore` files of the folder and of those within, by what
 * editors leave for a moment, and by what is never source.
 */
export class IgnoredFiles {
  readonly #root: string;
  readonly #rules = new Map<string, Ignore | undefined>();

  /** @param root absolute path; what lies outside is not ignored by rules of .gitignore */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * @param path absolute
   * @param wanted absolute path of the file or folder to be looked at, in which it lies; rules that ignore all of that are not asked
   */
  isIgnored(path: string, isFolder: boolean, wanted: string): boolean {
    const inside = relative(this.#root, path);
    const names = inside.split(sep);
    const name = names.at(-1) ?? '';
    if (inside === '') return false;
    if (NEVER.test(name) || (!isFolder && EDITOR.test(name))) return true;
    if (names[0] === '..') return false;
    for (let depth = 0; depth < names.length; depth += 1) {
      const folder = join(this.#root, ...names.slice(0, depth));
      const rules = this.#rulesOf(folder);
      if (rules === undefined || ignoresAll(rules, relative(folder, wanted))) continue;
      if (rules.ignores(names.slice(depth).join('/') + (isFolder ? '/' : ''))) return true;
    }
    return false;
  }

  /** To be called when a file changed: rules are read again. */
  forget(path: string): void {
    if (path.endsWith(`${sep}.gitignore`)) this.#rules.delete(dirname(path));
  }

  #rulesOf(folder: string): Ignore | undefined {
    if (this.#rules.has(folder)) return this.#rules.get(folder);
    let rules: Ignore | undefined;
    try {
      rules = ignore().add(readFileSync(join(folder, '.gitignore'), 'utf8'));
    } catch {
      rules = undefined; // no such file, or not ours to read: it says nothing
    }
    this.#rules.set(folder, rules);
    return rules;
  }
}

/** Whether rules of a folder above ignore the whole of what is wanted, be that a file or a folder. */
function ignoresAll(rules: Ignore, wanted: string): boolean {
  const path = wanted.split(sep).join('/');
  return path !== '' && !path.startsWith('..') && (rules.ignores(path) || rules.ignores(`${path}/`));
}
