import type { Command } from 'commander';
import { isFunctionName } from '../../contract/function-ref.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { deploymentOf, NO_OVERRIDES } from '../deploy/deployment-of.ts';
import { CliError } from '../errors.ts';
import { addStackFlags, addTagFlag, choiceFlag, listFlag, parsePairs, type StackFlags } from '../flags.ts';
import { requireFunctions } from '../functions-of.ts';
import { FUNCTION_API, KNATIVE_API, toKubernetes } from '../kubernetes.ts';
import { requireStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';

interface GenerateFlags extends StackFlags {
  readonly fromStore?: string;
  readonly url?: string;
  readonly name?: string;
  readonly arch: string;
  readonly api: string;
  readonly namespace: string;
  readonly tag: string;
  readonly label: readonly string[];
  readonly annotation: readonly string[];
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  addTagFlag(command);
  choiceFlag(command, '--api <version>', [FUNCTION_API, KNATIVE_API], { initial: FUNCTION_API });
  command.option('-n, --namespace <name>', 'namespace of Kubernetes', 'openfaas-fn');
  command.option('--from-store <name>', 'a function of the store, not the stack file');
  command.option('--name <name>', 'with --from-store: another name for it');
  command.option('--arch <platform>', 'with --from-store: x86_64, arm64 or armhf', 'x86_64');
  command.option(
    '-u, --url <url|path>',
    "with --from-store: the store (default: OPENFAAS_STORE, or OpenFaaS's)",
  );
  listFlag(command, '-l, --label <key=value>', 'a label for every function');
  listFlag(command, '--annotation <key=value>', 'an annotation for every function');
  command.addHelpText(
    'after',
    `
For who takes functions to Kubernetes: nothing here reads the output.

Examples:
  skep generate -f stack.yaml > functions.yaml
  skep generate --api ${KNATIVE_API} --tag sha -n prod
  skep generate --from-store figlet --name banner`,
  );
  command.action(async () => {
    const flags = command.opts<GenerateFlags>();
    const api = ([FUNCTION_API, KNATIVE_API] as const).find((each) => each === flags.api);
    if (api === undefined)
      throw new CliError(`--api must be ${FUNCTION_API} or ${KNATIVE_API}, but you gave: ${flags.api}`);
    const deployments = flags.fromStore
      ? [await fromStore(shell, flags, flags.fromStore)]
      : await fromStack(shell, flags);
    const documents = deployments.map((deployment) => toKubernetes(api, flags.namespace, deployment));
    // All or nothing: half of it would be applied without a word.
    for (const document of documents) shell.out(`---\n${document}`.trimEnd());
    shell.out('');
  });
}

async function fromStack(shell: Shell, flags: GenerateFlags): Promise<FunctionDeployment[]> {
  if (flags.name !== undefined) throw new CliError('--name is of --from-store; choose functions by --filter');
  const overrides = {
    ...NO_OVERRIDES,
    namespace: flags.namespace,
    labels: parsePairs(flags.label, '--label'),
    annotations: parsePairs(flags.annotation, '--annotation'),
    tag: flags.tag,
  };
  const stack = await requireStack(shell, flags, 'or run "skep new" to make one');
  const deployments: FunctionDeployment[] = [];
  for (const fn of requireFunctions(stack)) {
    if (fn.fprocess !== undefined)
      shell.note(
        `Warning: ${fn.name} has fprocess, for which these resources have no place: put it into its "environment", as fprocess.`,
      );
    deployments.push(await deploymentOf(shell, fn, overrides));
  }
  return deployments;
}

async function fromStore(shell: Shell, flags: GenerateFlags, wanted: string): Promise<FunctionDeployment> {
  // Loaded for this alone: it costs start-up time.
  const store = await import('../stores/function-store.ts');
  const location = flags.url || shell.env['OPENFAAS_STORE'] || store.OPENFAAS_FUNCTION_STORE;
  const functions = await store.loadFunctionStore(shell, location);
  const found = store.findStoreFunction(functions, { name: wanted, platform: flags.arch });
  const { environment, labels, annotations, fprocess } = found;
  const service = flags.name ?? found.name;
  if (!isFunctionName(service))
    throw new CliError(`"${service}" is no function name: use a-z, 0-9 and dashes`);
  return {
    service,
    image: store.imageOf(found, flags.arch),
    ...(fprocess !== '' && { envProcess: fprocess }),
    ...present('envVars', environment),
    ...present('labels', { ...labels, ...parsePairs(flags.label, '--label') }),
    ...present('annotations', { ...annotations, ...parsePairs(flags.annotation, '--annotation') }),
    ...(found.readOnlyRootFilesystem && { readOnlyRootFilesystem: true }),
  };
}

function present(
  key: 'envVars' | 'labels' | 'annotations',
  map: Readonly<Record<string, string>>,
): Partial<FunctionDeployment> {
  return Object.keys(map).length === 0 ? {} : { [key]: map };
}
