import { checkStackFile } from '../../contract/check-stack-file.ts';
import { byPlace, StackFileError, type StackProblem } from '../../contract/stack-file-problem.ts';
import type { LoadedStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { checkGatewayBuild } from './check-gateway-build.ts';
import { checkSources } from './check-sources.ts';

/**
 * Refuses a stack file of which some function could not be built or deployed, before any of them is.
 * @param options.sources whether they are to be built. @param options.byGateway whether a gateway is to do that
 * @throws {StackFileError} with everything that is wrong with the functions that were chosen
 */
export async function requireSound(
  shell: Shell,
  { reading, functions }: LoadedStack,
  { sources, byGateway = false }: { readonly sources: boolean; readonly byGateway?: boolean },
): Promise<void> {
  const problems: StackProblem[] = checkStackFile(reading, functions);
  if (sources) problems.push(...(await checkSources(shell, { reading, functions, templatesAreHere: false })));
  if (byGateway) problems.push(...checkGatewayBuild({ reading, functions }));
  if (problems.length > 0) throw new StackFileError(problems.toSorted(byPlace));
}
