import { stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { checkEnvNames } from '../../contract/parse-deployment.ts';
import { parseEnvironmentFile, type StackFunction, type StackReading } from '../../contract/stack-file.ts';
import { type FieldWay, StackFileError, type StackProblem } from '../../contract/stack-file-problem.ts';
import { suggestionFor } from '../../contract/suggestion.ts';
import { fileError, messageOf } from '../errors.ts';
import { readBeginning } from '../read-beginning.ts';
import type { Shell } from '../shell.ts';
import { findTemplate, isDockerfileLang, type Template, templateNames } from '../templates/find-template.ts';

export interface SourceCheck {
  readonly reading: StackReading;
  /** Those of the file that are meant. */
  readonly functions: readonly StackFunction[];
  /** Whether templates must be here, and not only when the build has fetched those that are missing. */
  readonly templatesAreHere: boolean;
}

type Report = (way: FieldWay, what: string, advice?: string) => void;
type Place = Pick<Shell, 'cwd'>;

/** What a stack file names in the folder that it is used in, and that is not there or not as it should be: all of it. */
export async function checkSources(
  shell: Place,
  { reading, functions, templatesAreHere }: SourceCheck,
): Promise<StackProblem[]> {
  const problems: StackProblem[] = [];
  const reportAt =
    (start: FieldWay): Report =>
    (way, what, advice) =>
      problems.push(reading.problemAt([...start, ...way], what, advice));
  const reportFile = (problem: StackProblem) => problems.push(problem);

  for (const [index, path] of reading.stack.copy.entries()) {
    await checkCopy(shell, path, (...told) => reportAt(['configuration', 'copy', index])([], ...told));
  }
  for (const fn of functions) {
    const report = reportAt(['functions', fn.name]);
    await checkEnvironmentFiles(shell, fn, { report, reportFile });
    // An image that is made elsewhere has no source here.
    if (fn.skipBuild || (fn.lang === '' && fn.handler === '')) continue;
    await checkHandler(shell, fn, report);
    if (/@sha256:/.test(fn.image)) {
      report(
        ['image'],
        'a build makes a tag, not a digest',
        'take the digest away, or give skip_build: true to deploy what it names',
      );
    }
    if (isDockerfileLang(fn.lang)) {
      for (const [index, option] of fn.buildOptions.entries())
        report(['build_options', index], `lang "dockerfile" has no build option "${option}"`, 'remove it');
    }
    for (const [id, path] of Object.entries(fn.buildSecrets)) {
      const kind = await kindOf(resolve(shell.cwd, path));
      if (kind !== 'file') report(['build_secrets', id], `there is no file ${path}`, 'correct the path');
    }
    const fetched = reading.stack.templates.some(({ name }) => name === fn.lang);
    if (fn.lang !== '' && !isDockerfileLang(fn.lang)) {
      const isNeeded = templatesAreHere && !fetched;
      await checkTemplate(shell, fn, { report, isNeeded });
    }
  }
  return problems;
}

async function checkHandler(shell: Place, { lang, handler }: StackFunction, report: Report): Promise<void> {
  if (lang === '') {
    report(['lang'], 'the function has no "lang"', 'give the name of its template, or skip_build: true');
  }
  if (handler === '') {
    report(
      ['handler'],
      'the function has no "handler"',
      'give the folder of its source, or skip_build: true',
    );
    return;
  }
  const folder = resolve(shell.cwd, handler);
  if (!isInside(shell.cwd, folder)) {
    report(
      ['handler'],
      `${handler} is outside of this folder, ${shell.cwd}`,
      'move it into this folder, or run skep in one that has both',
    );
    return;
  }
  const kind = await kindOf(folder);
  if (kind !== 'folder') {
    const what = kind === 'nothing' ? `there is no folder ${handler}` : `${handler} is no folder`;
    report(['handler'], what, 'give the folder of the source, as seen from where skep runs');
  } else if (isDockerfileLang(lang) && (await kindOf(join(folder, 'Dockerfile'))) !== 'file') {
    report(
      ['handler'],
      `there is no Dockerfile in ${handler}, which lang "dockerfile" needs`,
      'write one, or choose a template',
    );
  }
}

async function checkTemplate(
  shell: Place,
  fn: StackFunction,
  { report, isNeeded }: { readonly report: Report; readonly isNeeded: boolean },
): Promise<void> {
  let template: Template | undefined;
  try {
    template = await findTemplate(shell, fn.lang);
  } catch (error) {
    report(['lang'], messageOf(error));
    return;
  }
  if (template === undefined) {
    if (!isNeeded) return;
    const names = await templateNames(shell);
    const meant = suggestionFor(fn.lang, names);
    report(
      ['lang'],
      `there is no template "${fn.lang}" here`,
      meant === undefined
        ? 'fetch it with skep template pull or skep template store pull, or see skep new --list'
        : `did you mean "${meant}"?`,
    );
    return;
  }
  const known = template.manifest.buildOptions.map(({ name }) => name);
  for (const [index, option] of fn.buildOptions.entries()) {
    if (known.includes(option)) continue;
    report(
      ['build_options', index],
      `the template ${fn.lang} has no build option "${option}"`,
      known.length === 0 ? 'it has none' : `it has: ${known.join(', ')}`,
    );
  }
}

async function checkEnvironmentFiles(
  shell: Place,
  fn: StackFunction,
  { report, reportFile }: { readonly report: Report; readonly reportFile: (problem: StackProblem) => void },
): Promise<void> {
  for (const [index, path] of fn.environmentFiles.entries()) {
    const place = ['environment_file', index];
    let text: string;
    try {
      text = await readBeginning(resolve(shell.cwd, path));
    } catch (error) {
      report(place, fileError('read', path, error).message, 'correct the path, as seen from where skep runs');
      continue;
    }
    try {
      checkEnvNames(parseEnvironmentFile(text, path));
    } catch (error) {
      if (error instanceof StackFileError) error.problems.forEach(reportFile);
      else report(place, `${path}: ${messageOf(error)}`);
    }
  }
}

async function checkCopy(
  shell: Place,
  path: string,
  report: (what: string, advice: string) => void,
): Promise<void> {
  const from = resolve(shell.cwd, path);
  if (from === shell.cwd) report('this is the entire project', 'name a folder or file in it');
  else if (!isInside(shell.cwd, from)) {
    report(`${path} is outside of this folder, ${shell.cwd}`, 'a build takes what is inside');
  } else if ((await kindOf(from)) === 'nothing') report(`there is no ${path}`, 'correct the path');
}

function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'nothing'> {
  return stat(path).then(
    (info) => (info.isDirectory() ? 'folder' : 'file'),
    () => 'nothing', // absent, or behind a folder that is not ours to read: not there
  );
}
