import { ContractError } from '../../contract/contract-error.ts';
import { OWN_NAME, whyReservedImage } from '../../contract/reserved-image.ts';
import type { StackFunction, StackReading } from '../../contract/stack-file.ts';
import type { StackProblem } from '../../contract/stack-file-problem.ts';

interface GatewayBuildCheck {
  readonly reading: StackReading;
  readonly functions: readonly StackFunction[];
}

/** Images whose names no gateway takes for what it builds. What is no name at all is told by `checkStackFile`. */
export function checkReservedImages({ reading, functions }: GatewayBuildCheck): StackProblem[] {
  return builtOf(functions).flatMap(({ name, image }) => {
    const why = reservedBecause(image);
    if (why === undefined) return [];
    return [
      reading.problemAt(
        ['functions', name, 'image'],
        `no gateway builds an image by this name: ${why}`,
        OWN_NAME,
      ),
    ];
  });
}

/** What a gateway would refuse to build after all has been sent to it. */
export function checkGatewayBuild(check: GatewayBuildCheck): StackProblem[] {
  const { reading, functions } = check;
  const several = builtOf(functions).filter(({ platforms }) => new Set(platforms?.split(',')).size > 1);
  return [
    ...checkReservedImages(check),
    ...several.map(({ name }) =>
      reading.problemAt(
        ['functions', name, 'platforms'],
        'a gateway builds for one platform at a time',
        'name one, or build here: skep publish makes several with buildx',
      ),
    ),
  ];
}

function builtOf(functions: readonly StackFunction[]): StackFunction[] {
  return functions.filter(({ skipBuild, lang, handler }) => !skipBuild && (lang !== '' || handler !== ''));
}

function reservedBecause(image: string): string | undefined {
  try {
    return whyReservedImage(image);
  } catch (error) {
    if (error instanceof ContractError) return undefined;
    throw error;
  }
}
