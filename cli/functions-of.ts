import type { StackFile, StackFunction } from '../contract/stack-file.ts';
import { CliError } from './errors.ts';

/** The flags that describe one function without a stack file. */
export interface SingleFunctionFlags {
  readonly name?: string;
  readonly image?: string;
  readonly handler?: string;
  readonly lang?: string;
  readonly fprocess?: string;
}

/** A stack file function made of flags. */
export function functionFromFlags(flags: SingleFunctionFlags & { readonly name: string }): StackFunction {
  return {
    name: flags.name,
    lang: flags.lang ?? '',
    handler: flags.handler ?? '',
    image: flags.image ?? '',
    ...(flags.fprocess ? { fprocess: flags.fprocess } : {}),
    environment: {},
    environmentFiles: [],
    secrets: [],
    constraints: [],
    labels: {},
    annotations: {},
    readOnlyRootFilesystem: false,
    skipBuild: false,
    buildOptions: [],
    buildArgs: {},
    buildSecrets: {},
  };
}

/** @throws {CliError} when a stack file has no functions */
export function requireFunctions(stack: StackFile): readonly StackFunction[] {
  if (stack.functions.length === 0) throw new CliError('the stack file has no functions');
  return stack.functions;
}
