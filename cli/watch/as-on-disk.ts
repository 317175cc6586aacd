import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What is asked of a disk. */
export interface Disk {
  exists(path: string): boolean;
  namesIn(folder: string): readonly string[];
}

/** Undefined: capitals count, and every path is as it is. */
const OWN: Disk | undefined =
  process.platform === 'linux' ? undefined : { exists: existsSync, namesIn: (folder) => readdirSync(folder) };

/**
 * A path as the disk spells it. Where capitals do not count (a Mac's disk), a file is found by any spelling, and its changes are told of
 * by its own.
 * @param path absolute; what is not there stays as it is
 */
export function asOnDisk(path: string, disk = OWN): string {
  const parent = dirname(path);
  if (disk === undefined || parent === path || !disk.exists(path)) return path;
  const above = asOnDisk(parent, disk);
  const name = path.slice(parent.length).replace(/^\//, '');
  let names: readonly string[];
  try {
    names = disk.namesIn(above);
  } catch {
    return path; // not ours to list: it is taken as it was given
  }
  const alike = (other: string): boolean => folded(other) === folded(name);
  return join(above, names.includes(name) ? name : (names.find(alike) ?? name));
}

function folded(name: string): string {
  return name.normalize().toLowerCase();
}
