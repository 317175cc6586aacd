import { docker } from '../../test/support/cli.ts';

/** A change of a service's replica count that the engine has accepted. */
export interface EngineScaling {
  /** By the engine's clock, as `Date.now`. */
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
}

/** What the engine tells of a service's replica count since then. */
async function scalingsOf(service: string, sinceMs: number): Promise<EngineScaling[]> {
  const { stdout } = await docker(
    ...['events', '--since', seconds(sinceMs), '--until', seconds(Date.now())],
    ...['--filter', 'type=service', '--filter', 'event=update', '--format', '{{json .}}'],
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { timeNano: number; Actor: { Attributes: Record<string, string> } })
    .filter(({ Actor }) => Actor.Attributes['name'] === service && 'replicas.new' in Actor.Attributes)
    .map(({ timeNano, Actor }) => ({
      atMs: timeNano / 1e6,
      from: Number(Actor.Attributes['replicas.old']),
      to: Number(Actor.Attributes['replicas.new']),
    }));
}

/** The first of them that `isMeant`. @throws {Error} when there is none within `withinMs` */
export async function firstScaling(
  service: string,
  sinceMs: number,
  isMeant: (scaling: EngineScaling) => boolean,
  withinMs: number,
): Promise<EngineScaling> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const found = (await scalingsOf(service, sinceMs)).find(isMeant);
    if (found !== undefined) return found;
    await Bun.sleep(200);
  }
  throw new Error(`${service} was not scaled within ${withinMs / 1000} s`);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
