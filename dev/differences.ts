import type { StackFunction } from '../contract/stack-file.ts';

/** What is not here as it is on a swarm: said once, so that nobody takes this for one. */
export function differences(functions: readonly StackFunction[]): string[] {
  const named = (does: (fn: StackFunction) => boolean): string => {
    const names = functions.filter(does).map(({ name }) => name);
    return names.length === 0 ? '' : ` (asked for by ${names.join(', ')})`;
  };
  return [
    'Not as on a swarm:',
    `  no limits of memory and CPU${named(({ limits, requests }) => limits !== undefined || requests !== undefined)}, no constraints${named(({ constraints }) => constraints.length > 0)}, no read-only file system${named(({ readOnlyRootFilesystem }) => readOnlyRootFilesystem)}`,
    '  no isolation: functions are processes of yours, and reach your files and each other',
    '  no image: of a Dockerfile only ENV and WORKDIR count, and packages of the system are those of this machine',
    '  no Prometheus: no scaling by alerts; by target, to zero and by the time of day it works',
  ];
}
