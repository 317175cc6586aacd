import { CliError } from '../errors.ts';
import type { Shell } from '../shell.ts';
import { docker, linesOf, requireManager } from './docker.ts';

/** The registry's service, as `npm run up` and `docker stack deploy` by hand call it. */
const SERVICES = ['skep_registry', 'skep-registry_registry'];
const CONFIG = '/etc/docker/registry/config.yml';
/** Where the registry's configuration has its images; it must stay so. */
const STORE = '/var/lib/registry/docker/registry/v2';

/** `R path` of each version, `T path digest` of each tag, `C id digest` of each image that a version for several platforms is made of. */
const LIST = `
cd ${STORE}/repositories 2>/dev/null || exit 0
find . -path '*/_manifests/tags/*/current/link' | while read -r file; do echo "T $file $(cat "$file")"; done
find . -path '*/_manifests/revisions/sha256/*/link' | while read -r file; do
  echo "R $file"
  id=\${file%/link} id=\${id##*/} rest=\${id#??}
  data=../blobs/sha256/\${id%"$rest"}/$id/data
  grep -q '"manifests"' "$data" && grep -o 'sha256:[0-9a-f]\\{64\\}' "$data" | sed "s/^/C $id /"
done
exit 0`;
const UPLOADS = `cd ${STORE}/repositories 2>/dev/null || exit 0; find . -path '*/_uploads/*' -mmin -1`;
const REMOVE = `
cd ${STORE}/repositories && while read -r path; do
  rm -r "$path" && rm -rf "\${path%/revisions/*}"/tags/*/index/sha256/"\${path##*/}" || exit 1
done`;
// Without --delete-untagged, which takes the images for each platform away from under what names them.
const COLLECT = `[ ! -d ${STORE}/repositories ] || registry garbage-collect ${CONFIG}`;
const KIBIBYTES = `du -sk ${STORE}/blobs 2>/dev/null | cut -f1`;

/** One version of an image in the registry. */
export interface StoredVersion {
  /** Without the registry's own: `team/hello`. */
  readonly repository: string;
  /** Of its manifest, without `sha256:`. */
  readonly id: string;
  /** Of its entry, below the registry's folder of repositories. */
  readonly path: string;
}

export interface Sorted {
  readonly unused: readonly StoredVersion[];
  /** How many no tag names, but a service. */
  readonly keptForServices: number;
}

/**
 * What the registry may lose: versions that no tag names, that are no part of one that is kept, and that nothing in `services` names.
 * @param listing what `LIST` prints
 * @param services text with the digests of all that runs, or could run again
 */
export function sortVersions(listing: string, services: string): Sorted {
  const versions: StoredVersion[] = [];
  const tagged: string[] = [];
  const parts = new Map<string, string[]>();
  for (const line of linesOf(listing)) {
    const [kind, place = '', digest = ''] = line.split(' ');
    const id = digest.replace('sha256:', '');
    if (kind === 'T') tagged.push(id);
    else if (kind === 'C') parts.set(place, [...(parts.get(place) ?? []), id]);
    else if (kind === 'R') {
      const [, repository, version] =
        /^\.\/(.+)\/_manifests\/revisions\/sha256\/(\w+)\/link$/.exec(place) ?? [];
      if (repository === undefined || version === undefined)
        throw new CliError(`the registry keeps its images in a way that is not known here: ${place}`);
      versions.push({ repository, id: version, path: place.replace(/\/link$/, '') });
    } else throw new CliError(`the registry's images cannot be listed: ${line}`);
  }
  const used = [...services.matchAll(/sha256:([0-9a-f]{64})/g)].map(([, id = '']) => id);
  const byTags = withParts(tagged, parts);
  const kept = withParts([...tagged, ...used], parts);
  return {
    unused: versions.filter(({ id }) => !kept.has(id)),
    keptForServices: versions.filter(({ id }) => kept.has(id) && !byTags.has(id)).length,
  };
}

/** With the images for each platform, which are no less needed than what names them. */
function withParts(ids: readonly string[], parts: ReadonlyMap<string, readonly string[]>): Set<string> {
  const all = new Set<string>();
  const ahead = [...ids];
  for (let id = ahead.pop(); id !== undefined; id = ahead.pop()) {
    if (all.has(id)) continue;
    all.add(id);
    ahead.push(...(parts.get(id) ?? []));
  }
  return all;
}

/**
 * Removes from the swarm's registry what nothing names any more, and gives its room back.
 * @throws {CliError} when it runs elsewhere or not at all, and while somebody pushes
 */
export async function cleanRegistry(shell: Shell, { dryRun }: { readonly dryRun: boolean }): Promise<void> {
  await requireManager(shell);
  const container = await findRegistry(shell);
  const inside = (script: string, input?: string): Promise<string> =>
    docker(shell, ['exec', '-i', container, 'sh', '-c', script], input ?? '');
  if ((await inside(UPLOADS)) !== '')
    throw new CliError('somebody pushes to the registry: try again when that is done');
  const ids = linesOf(await docker(shell, ['service', 'ls', '--quiet']));
  const services = await docker(shell, ['service', 'inspect', ...ids]);
  const { unused, keptForServices } = sortVersions(await inside(LIST), services);

  for (const { repository, id } of unused)
    shell.out(`${dryRun ? 'Unused' : 'Removing'}: ${repository}@sha256:${id}`);
  if (keptForServices > 0)
    shell.out(`Kept though no tag names them, for services have them: ${keptForServices}.`);
  if (dryRun) {
    shell.out(`${unused.length} would be removed.`);
    return;
  }
  const before = Number(await inside(KIBIBYTES));
  if (unused.length > 0) await inside(REMOVE, `${unused.map(({ path }) => path).join('\n')}\n`);
  await inside(COLLECT);
  const freed = Math.max(0, before - Number(await inside(KIBIBYTES)));
  shell.out(`Removed ${unused.length}; ${(freed / 1024).toFixed(1)} MiB are free again.`);
}

/** Id of its container on this engine. */
async function findRegistry(shell: Shell): Promise<string> {
  for (const service of SERVICES) {
    const label = `label=com.docker.swarm.service.name=${service}`;
    const [container] = linesOf(await docker(shell, ['ps', '--quiet', '--filter', label]));
    if (container !== undefined) return container;
  }
  const running = await docker(shell, ['service', 'ls', '--format', '{{.Name}}']);
  const service = SERVICES.find((name) => linesOf(running).includes(name));
  if (service === undefined) throw new CliError('there is no registry: SKEP_REGISTRY=1 npm run up makes one');
  const format = '{{.Node}}: {{.CurrentState}} {{.Error}}';
  const filter = 'desired-state=running';
  const tasks = await docker(shell, [
    'service',
    'ps',
    '--no-trunc',
    '--filter',
    filter,
    '--format',
    format,
    service,
  ]);
  throw new CliError(
    `the registry does not run on the engine here: run this on its node, or name that with DOCKER_HOST\n${tasks || `${service} runs nowhere`}`,
  );
}
