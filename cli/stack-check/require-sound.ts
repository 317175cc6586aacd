import { checkStackFile } from '../../contract/check-stack-file.ts';
import { byPlace, StackFileError, type StackProblem } from '../../contract/stack-file-problem.ts';
import type { LoadedStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { checkSources } from './check-sources.ts';

/**
 * Refuses a stack file of which some function could not be built or deployed, before any of them is.
 * @param sources whether they are to be built
 * @throws {StackFileError} with everything that is wrong with the functions that were chosen
 */
export async function requireSound(
  shell: Shell,
  { reading, functions }: LoadedStack,
  { sources }: { readonly sources: boolean },
): Promise<void> {
  const problems: StackProblem[] = checkStackFile(reading, functions);
  if (sources) problems.push(...(await checkSources(shell, { reading, functions, templatesAreHere: false })));
  if (problems.length > 0) throw new StackFileError(problems.toSorted(byPlace));
}
