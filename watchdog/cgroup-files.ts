// Where a container's cgroup is mounted and what its files say. Pure: texts in, values out.

/** The files of the cgroup that the kernel accounts this process to, by version of the interface. */
export type CgroupFiles =
  | { readonly version: 1; readonly cpu?: string | undefined; readonly memory?: string | undefined }
  | { readonly version: 2; readonly folder: string };

interface Mount {
  /** The part of the hierarchy that is mounted, e.g. `/docker/4f5e…`. */
  readonly root: string;
  readonly folder: string;
  readonly type: string;
  readonly options: readonly string[];
}

/**
 * Finds the folders of this process's cgroup, wherever they are mounted and whether or not the container has a cgroup
 * namespace of its own.
 * @param mountInfo text of `/proc/self/mountinfo`
 * @param cgroup text of `/proc/self/cgroup`
 * @returns undefined where no cgroup that counts is mounted
 */
export function findCgroup(mountInfo: string, cgroup: string): CgroupFiles | undefined {
  const mounts = mountInfo.split('\n').flatMap(parseMount);
  const paths = new Map(
    cgroup.split('\n').flatMap((line) => {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
      return path === '' ? [] : controllers.split(',').map((name): [string, string] => [name, path]);
    }),
  );
  const folderOf = (controller: string): string | undefined => {
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    return mount === undefined ? undefined : inside(mount, paths.get(controller));
  };
  // Where version 1 is mounted it has the controllers, and version 2 beside it counts nothing.
  const cpu = folderOf('cpuacct');
  const memory = folderOf('memory');
  if (cpu !== undefined || memory !== undefined) return { version: 1, cpu, memory };
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  const folder = unified === undefined ? undefined : inside(unified, paths.get(''));
  return folder === undefined ? undefined : { version: 2, folder };
}

/** `36 35 98:0 /root /mount/point options - type source super-options`; see proc(5) */
function parseMount(line: string): Mount[] {
  const [left = '', right = ''] = line.split(' - ');
  const [, , , root, folder] = left.split(' ');
  const [type, , options = ''] = right.split(' ');
  if (root === undefined || folder === undefined || type === undefined) return [];
  return [{ root, folder, type, options: options.split(',') }];
}

/** The folder of a cgroup in a mount that may hold a part of the hierarchy only. */
function inside({ root, folder }: Mount, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const top = root === '/' ? '' : root;
  if (path === root) return folder;
  // A path that climbs out of the mounted part is another cgroup's than any that can be read here.
  if (!path.startsWith(`${top}/`) || path.split('/').includes('..')) return undefined;
  return `${folder}${path.slice(top.length)}`;
}

/** @param usage text of version 1's `cpuacct.usage`: nanoseconds. @returns undefined for anything else */
export function cpuSecondsV1(usage: string): number | undefined {
  const nanos = parseWhole(usage.trim());
  return nanos === undefined ? undefined : nanos / 1e9;
}

/** @param cpuStat text of version 2's `cpu.stat`, with a line `usage_usec N` */
export function cpuSecondsV2(cpuStat: string): number | undefined {
  const micros = field(cpuStat, 'usage_usec');
  return micros === undefined ? undefined : micros / 1e6;
}

/**
 * Memory that can not be had back by dropping pages of files that nobody used lately: what the kernel counts against the
 * limit and what an out-of-memory kill goes by.
 * @param usage text of `memory.usage_in_bytes` or `memory.current`
 * @param stat text of `memory.stat`; version 1 has the figure with the cgroup's children under `total_inactive_file`
 */
export function workingSetBytes(usage: string, stat: string): number | undefined {
  const bytes = parseWhole(usage.trim());
  const inactive = field(stat, 'total_inactive_file') ?? field(stat, 'inactive_file');
  if (bytes === undefined || inactive === undefined) return undefined;
  // The two files are read one after the other.
  return Math.max(0, bytes - inactive);
}

function field(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [key, value = ''] = line.split(' ');
    if (key === name) return parseWhole(value);
  }
  return undefined;
}

function parseWhole(text: string): number | undefined {
  return /^\d{1,19}$/.test(text) ? Number(text) : undefined;
}
