import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionRef } from '../../contract/function-ref.ts';
import type { Provider } from '../functions/provider.ts';

const LOOK_EVERY_MS = 250;

/**
 * Waits until what was deployed answers. Resolves with why it did not, if so; the end of the wait is no success.
 * @throws {FaasError} `function_not_found` when somebody removes it meanwhile, `provider_unavailable`; or the signal's reason
 */
export async function awaitRollout(
  provider: Pick<Provider, 'read'>,
  ref: FunctionRef,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const { rollout } = await provider.read(ref);
    if (rollout === undefined || rollout.state === 'done') return undefined;
    if (rollout.state === 'failed') return rollout.error ?? 'no reason was told';
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {}); // told by the next round
  }
}
