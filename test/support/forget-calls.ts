import { type Platform, until } from './platform.ts';

/** Waits for the end of a removed function's calls, and throws away those that were given up for it: they would keep an alert firing. */
export async function forgetCalls(platform: Platform, name: string): Promise<void> {
  for (const status of ['queued', 'running']) {
    await until(`no call of ${name} is ${status}`, async () => {
      const answer = await platform.request(`/system/calls?function=${name}&status=${status}&limit=1`);
      return ((await answer.json()) as { calls: readonly unknown[] }).calls.length === 0;
    });
  }
  await platform.request(`/system/dead-letters?function=${name}`, { method: 'DELETE' });
}
