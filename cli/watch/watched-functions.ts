import { resolve } from 'node:path';
import type { StackFunction } from '../../contract/stack-file.ts';
import { isDockerfileLang } from '../templates/find-template.ts';
import { asOnDisk } from './as-on-disk.ts';
import { isWithin } from './watch-files.ts';

/** Which files functions are made of: what to watch, and whose change is whose. */
export interface WatchedFunctions {
  /** Absolute paths. */
  readonly paths: readonly string[];
  /** Names of the functions that a change concerns, in the order of the stack file; `all`: what they have in common has changed. */
  whose(changed: readonly string[]): readonly string[] | 'all';
}

export interface WatchedSources {
  readonly cwd: string;
  readonly functions: readonly Pick<StackFunction, 'name' | 'lang' | 'handler' | 'environmentFiles'>[];
  /** As it was named; undefined: there is none. */
  readonly stackFile?: string | undefined;
  /** Paths that go into every build. */
  readonly copy: readonly string[];
}

/** The handler, environment files and local template of each function, and what all have in common: stack file and copied paths. */
export function watchedFunctions({ cwd, functions, stackFile, copy }: WatchedSources): WatchedFunctions {
  const isLocal = stackFile !== undefined && !/^https?:\/\//i.test(stackFile);
  const common = [...(isLocal ? [stackFile] : []), ...copy].map((path) => asOnDisk(resolve(cwd, path)));
  const sources = functions.map(({ name, lang, handler, environmentFiles }) => ({
    name,
    paths: [
      ...(handler === '' ? [] : [handler]),
      ...(lang === '' || isDockerfileLang(lang) ? [] : [`template/${lang}`]),
      ...environmentFiles,
    ].map((path) => asOnDisk(resolve(cwd, path))),
  }));
  return {
    paths: [...new Set([...common, ...sources.flatMap(({ paths }) => paths)])],
    whose: (files) => {
      // A handler that is the whole project has the folder of builds in it.
      const changed = files.filter((file) => !isWithin(file, resolve(cwd, 'build')));
      const concerns = (paths: readonly string[]): boolean =>
        paths.some((path) => changed.some((file) => isWithin(file, path)));
      if (concerns(common)) return 'all';
      return sources.filter(({ paths }) => concerns(paths)).map(({ name }) => name);
    },
  };
}
