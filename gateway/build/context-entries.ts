import { posix } from 'node:path';
import { FaasError } from '../errors.ts';
import { parseEntryPath, quoted } from './entry-path.ts';

/** As Linux has it. */
const MOST_LINKS_IN_A_ROW = 40;
/** Parts of paths that are looked at to follow all links; a project with 10,000 links needs some 100,000. */
const MOST_STEPS = 200_000;

/** What a build context has of files and links so far: each entry is where its path says, and no link leads out. */
export class ContextEntries {
  /** By path from the context's root; a link's target, undefined for a file. */
  readonly #entries = new Map<string, string | undefined>();
  readonly #links = new Map<string, string>();
  /** The folder that was looked at last: most entries are in that of the one before. */
  #soundFolder: string | undefined;

  /** @throws {FaasError} `invalid_request` for an entry below a file or a link */
  addFolder(path: string): void {
    this.#checkAbove(path);
    this.#put(path);
  }

  /** @throws {FaasError} `invalid_request` for one below a file or a link */
  addFile(path: string): void {
    this.#checkAbove(path);
    this.#put(path);
    this.#entries.set(path, undefined);
  }

  /** @throws {FaasError} `invalid_request` for one below a file or a link, or with a target that no link can have */
  addLink(path: string, target: string): void {
    this.#checkAbove(path);
    if (target === '' || target.includes('\0')) {
      throw new FaasError(
        'invalid_request',
        `${shown(path)} is a link to ${quoted(target)}, which is no path`,
      );
    }
    if (target.startsWith('/')) throw leadsOut(path, target);
    this.#put(path);
    this.#entries.set(path, target);
    this.#links.set(path, target);
  }

  /**
   * @param linkname from the tar's root, e.g. `context/file`
   * @returns the target from the context's root
   * @throws {FaasError} `invalid_request` for a target that is no file before it
   */
  addHardLink(path: string, linkname: string): string {
    const whole = parseEntryPath(linkname);
    const target = whole.slice(whole.indexOf('/') + 1);
    if (!whole.startsWith('context/')) {
      throw new FaasError(
        'invalid_request',
        `${shown(path)} is a hard link to ${quoted(linkname)}, which is not in the build context`,
      );
    }
    this.#checkAbove(target);
    if (!this.#entries.has(target)) {
      throw new FaasError(
        'invalid_request',
        `${shown(path)} is a hard link to ${quoted(linkname)}, which is no file before it in the tar`,
      );
    }
    const linked = this.#links.get(target);
    if (linked === undefined) this.addFile(path);
    else this.addLink(path, linked);
    return target;
  }

  /** To be asked when all are here: what a link leads to may come after it. @throws {FaasError} `invalid_request` for one that leads out */
  checkLinks(): void {
    let steps = 0;
    for (const [path, target] of this.#links) {
      const at = path.split('/').slice(0, -1);
      const ahead = target.split('/').reverse();
      let followed = 0;
      for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
        if (part === '' || part === '.') continue;
        if (++steps > MOST_STEPS) {
          throw new FaasError('invalid_request', 'the build context has too many links, or too long ones');
        }
        if (part === '..') {
          if (at.pop() === undefined) throw leadsOut(path, target);
          continue;
        }
        at.push(part);
        const next = this.#links.get(at.join('/'));
        if (next === undefined) continue;
        // In a circle: whoever opens it is told so, and is nowhere outside.
        if (++followed > MOST_LINKS_IN_A_ROW) break;
        at.pop();
        ahead.push(...next.split('/').reverse());
      }
    }
  }

  /** What was there by this name is not any more. */
  #put(path: string): void {
    this.#entries.delete(path);
    this.#links.delete(path);
    if (this.#soundFolder === path || this.#soundFolder?.startsWith(`${path}/`))
      this.#soundFolder = undefined;
  }

  #checkAbove(path: string): void {
    const folder = posix.dirname(path);
    if (folder === this.#soundFolder) return;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (!this.#entries.has(above)) continue;
      const kind = this.#links.has(above) ? 'a link' : 'a file';
      throw new FaasError(
        'invalid_request',
        `the tar has an entry ${shown(path)} below ${shown(above)}, which is ${kind}`,
      );
    }
    this.#soundFolder = folder;
  }
}

function leadsOut(path: string, target: string): FaasError {
  return new FaasError(
    'invalid_request',
    `${shown(path)} is a link to ${quoted(target)}, outside the build context: copy the file in, or leave the link out`,
  );
}

function shown(path: string): string {
  return quoted(`context/${path}`);
}
