import { readFile } from 'node:fs/promises';
import { type CgroupFiles, cpuSecondsV1, cpuSecondsV2, findCgroup, workingSetBytes } from './cgroup-files.ts';

/** Reads what this container uses, by its own cgroup. A figure that can not be had is undefined, never 0. */
export class ContainerUsage {
  #files: CgroupFiles | undefined;

  /** CPU time that all processes of the container have used since it began, ended ones included. */
  async cpuSeconds(): Promise<number | undefined> {
    const files = await this.#find();
    if (files?.version === 1) {
      return files.cpu === undefined ? undefined : readWith(cpuSecondsV1, [`${files.cpu}/cpuacct.usage`]);
    }
    return files && readWith(cpuSecondsV2, [`${files.folder}/cpu.stat`]);
  }

  async workingSetBytes(): Promise<number | undefined> {
    const files = await this.#find();
    if (files?.version === 1) {
      const { memory } = files;
      return memory === undefined
        ? undefined
        : readWith(workingSetBytes, [`${memory}/memory.usage_in_bytes`, `${memory}/memory.stat`]);
    }
    return (
      files && readWith(workingSetBytes, [`${files.folder}/memory.current`, `${files.folder}/memory.stat`])
    );
  }

  async #find(): Promise<CgroupFiles | undefined> {
    this.#files ??= await readWith(findCgroup, ['/proc/self/mountinfo', '/proc/self/cgroup']);
    return this.#files;
  }
}

async function readWith<Texts extends string[], T>(
  parse: (...texts: Texts) => T | undefined,
  paths: { readonly [Index in keyof Texts]: string },
): Promise<T | undefined> {
  try {
    return parse(...((await Promise.all(paths.map((path) => readFile(path, 'utf8')))) as Texts));
  } catch {
    // No such file, or not ours to read: a container without a cgroup of its own has no figures to tell.
    return undefined;
  }
}
