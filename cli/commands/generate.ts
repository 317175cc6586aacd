import type { Command } from 'commander';
import { deploymentOf } from '../deploy/deployment-of.ts';
import { CliError } from '../errors.ts';
import { addStackFlags, addTagFlag, listFlag, parsePairs, type StackFlags } from '../flags.ts';
import { requireFunctions } from '../functions-of.ts';
import { FUNCTION_API, KNATIVE_API, toKubernetes } from '../kubernetes.ts';
import { requireStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface GenerateFlags extends StackFlags {
  readonly api: string;
  readonly namespace: string;
  readonly tag: string;
  readonly label: readonly string[];
  readonly annotation: readonly string[];
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addTagFlag(command);
  command.option('--api <version>', `${FUNCTION_API} or ${KNATIVE_API}`, FUNCTION_API);
  command.option('-n, --namespace <name>', 'namespace of Kubernetes', 'openfaas-fn');
  listFlag(command, '-l, --label <key=value>', 'a label for every function');
  listFlag(command, '--annotation <key=value>', 'an annotation for every function');
  command.addHelpText(
    'after',
    `
For who takes functions to Kubernetes: nothing here reads the output.

Examples:
  skep generate -f stack.yaml > functions.yaml
  skep generate --api ${KNATIVE_API} --tag sha -n prod`,
  );
  command.action(async () => {
    const flags = command.opts<GenerateFlags>();
    const api = ([FUNCTION_API, KNATIVE_API] as const).find((each) => each === flags.api);
    if (api === undefined)
      throw new CliError(`--api must be ${FUNCTION_API} or ${KNATIVE_API}, but you gave: ${flags.api}`);
    const overrides = {
      namespace: flags.namespace,
      environment: {},
      labels: parsePairs(flags.label, '--label'),
      annotations: parsePairs(flags.annotation, '--annotation'),
      constraints: [],
      secrets: [],
      readOnly: false,
      readTemplate: false,
      tag: flags.tag,
    };
    const stack = await requireStack(shell, flags, 'or run "skep new" to make one');
    const documents: string[] = [];
    for (const fn of requireFunctions(stack)) {
      if (fn.fprocess !== undefined)
        shell.note(
          `Warning: ${fn.name} has fprocess, for which these resources have no place: put it into its "environment", as fprocess.`,
        );
      documents.push(toKubernetes(api, flags.namespace, await deploymentOf(shell, fn, overrides)));
    }
    // All or nothing: half of it would be applied without a word.
    for (const document of documents) shell.out(`---\n${document}`.trimEnd());
    shell.out('');
  });
}
