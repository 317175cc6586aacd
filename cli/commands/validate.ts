import type { Command } from 'commander';
import { checkStackFile } from '../../contract/check-stack-file.ts';
import { readStackFile, type StackReading } from '../../contract/stack-file.ts';
import {
  byPlace,
  problemText,
  StackFileError,
  type StackProblem,
} from '../../contract/stack-file-problem.ts';
import { CliError } from '../errors.ts';
import { addStackFlags, choiceFlag, type StackFlags, switchFlag } from '../flags.ts';
import { findStack, select } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { checkReservedImages } from '../stack-check/check-gateway-build.ts';
import { checkSources } from '../stack-check/check-sources.ts';

interface ValidateFlags extends StackFlags {
  readonly output: string;
  readonly strict: boolean;
}

interface Verdict {
  readonly file: string;
  /** Names of the functions that were looked at. */
  readonly functions: readonly string[];
  readonly problems: readonly StackProblem[];
}

export function define(command: Command, shell: Shell): void {
  addStackFlags(command);
  choiceFlag(command, '-o, --output <format>', ['text', 'json'], { initial: 'text' });
  switchFlag(command, '--strict', 'take warnings for errors, too');
  command.addHelpText(
    'after',
    `
Says everything that is wrong with a stack file and with what it names, each as FILE:LINE:COLUMN: what; what to do.
Nothing is built or sent. Ends with 1 when there is an error.

Examples:
  skep validate
  skep validate -f stack.yaml --strict
  skep validate -o json`,
  );
  command.action(async () => {
    const flags = command.opts<ValidateFlags>();
    if (flags.output !== 'text' && flags.output !== 'json') {
      throw new CliError(`--output ${flags.output}: use text or json`);
    }
    const found = await findStack(shell, flags);
    if (!found) throw new CliError('no stack.yaml or stack.yml here: give its path with -f');
    const verdict = await validate(shell, found, flags);
    const isWrong = verdict.problems.some(({ severity }) => flags.strict || severity === 'error');
    if (flags.output === 'json') {
      shell.out(JSON.stringify({ valid: !isWrong, ...verdict }, undefined, 2));
    } else tell(shell, verdict);
    if (isWrong) throw new CliError('');
  });
}

async function validate(
  shell: Shell,
  { name: file, text }: { readonly name: string; readonly text: string },
  flags: StackFlags,
): Promise<Verdict> {
  let reading: StackReading;
  try {
    reading = readStackFile(text, {
      fileName: file,
      ...(flags.envsubst === false ? {} : { env: shell.env }),
    });
  } catch (error) {
    if (error instanceof StackFileError) return { file, functions: [], problems: error.problems };
    throw error;
  }
  const { stack } = reading;
  if (stack.functions.length === 0) {
    const none = reading.problemAt(
      ['functions'],
      'there are no functions',
      'add one: skep new NAME --append FILE',
    );
    const problems = reading.problems.length > 0 ? reading.problems : [none];
    return { file, functions: [], problems };
  }
  const functions = select(stack.functions, flags);
  const problems = [
    ...reading.problems,
    ...checkStackFile(reading, functions),
    ...(await checkSources(shell, { reading, functions, templatesAreHere: true })),
    // An engine of one's own builds it all the same.
    ...checkReservedImages({ reading, functions }).map((problem) => ({
      ...problem,
      severity: 'warning' as const,
    })),
  ];
  problems.sort(byPlace);
  return { file, functions: functions.map(({ name }) => name), problems };
}

function tell(shell: Shell, { file, functions, problems }: Verdict): void {
  for (const problem of problems) {
    const text = problemText(problem);
    shell.out(problem.severity === 'warning' ? shell.paint.yellow(`Warning: ${text}`) : text);
  }
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (problems.length === 0) {
    shell.out(shell.paint.green(`${file} is in order: ${functions.join(', ')}.`));
    return;
  }
  const counted = [counting(errors, 'error'), counting(warnings, 'warning')].filter((part) => part !== '');
  shell.out(`${file}: ${counted.join(', ')}.`);
}

function counting(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`;
}
