import { canonicalImage } from './canonical-image.ts';
import { ContractError } from './contract-error.ts';
import { DEFAULT_NAMESPACE, isFunctionName } from './function-ref.ts';
import { DEVICES, type FunctionResources } from './function-types.ts';
import { parseImageReference } from './image-reference.ts';
import { parseCallLimits, RATE_LABEL } from './parse-call-limits.ts';
import { checkConstraints, checkEnvNames, checkRolloutTimeout, checkSecrets } from './parse-deployment.ts';
import { parseFunctionSchedule, SCHEDULE_ANNOTATION } from './parse-function-schedule.ts';
import { parseMemoryBytes, parseNanoCpus } from './parse-quantity.ts';
import { parseQueueAnnotations } from './parse-queue-annotations.ts';
import { parseScaleLabels } from './parse-scale-labels.ts';
import { isLabelKey, isReservedLabel, PLATFORM_SERVICES } from './platform-names.ts';
import type { StackFunction, StackReading } from './stack-file.ts';
import type { FieldWay, StackProblem } from './stack-file-problem.ts';

type Texts = Readonly<Record<string, string>>;
/** Takes a problem of one field of the function; the way goes on from the function's name. */
type Report = (way: FieldWay, what: string, advice?: string) => void;

/**
 * What the values of a stack file would be refused for at their deployment, by the same parsers: all of it.
 * @param functions those of the file that are meant
 */
export function checkStackFile(reading: StackReading, functions: readonly StackFunction[]): StackProblem[] {
  const problems: StackProblem[] = [];
  for (const fn of functions) {
    const report: Report = (way, what, advice) =>
      problems.push(reading.problemAt(['functions', fn.name, ...way], what, advice));
    checkFunction(fn, report);
  }
  problems.push(...checkGateway(reading), ...checkSharedImages(reading, functions));
  return problems;
}

function checkFunction(fn: StackFunction, report: Report): void {
  checkImage(fn.image, report);
  if ((fn.namespace ?? DEFAULT_NAMESPACE) === DEFAULT_NAMESPACE && PLATFORM_SERVICES.includes(fn.name)) {
    report([], `${fn.name} is the name of a service of the platform`, 'choose another name for the function');
  }
  for (const key of Object.keys(fn.labels).filter(isReservedLabel)) {
    report(['labels', key], 'this label is reserved for the platform', 'choose another key');
  }
  for (const field of ['labels', 'annotations'] as const) {
    for (const key of Object.keys(fn[field]).filter((each) => !isLabelKey(each)))
      report([field, key], `${JSON.stringify(key)} is not a key`, 'give it a name, or remove it');
  }
  if (fn.namespace !== undefined && !isFunctionName(fn.namespace)) {
    report(
      ['namespace'],
      `${JSON.stringify(fn.namespace)} is no name of a namespace`,
      'use a-z, 0-9 and dashes',
    );
  }
  for (const name of Object.keys(fn.environment)) {
    attempt(
      () => checkEnvNames({ [name]: '' }),
      (why) => report(['environment', name], why),
    );
  }
  checkEach(fn.constraints, 'constraints', checkConstraints, report);
  checkEach(fn.secrets, 'secrets', checkSecrets, report);
  checkTexts(fn.labels, 'labels', [parseScaleLabels, (labels) => parseCallLimits(labels, {})], report);
  checkTexts(
    fn.annotations,
    'annotations',
    [
      checkRolloutTimeout,
      (annotations) => parseCallLimits({}, annotations),
      parseQueueAnnotations,
      parseFunctionSchedule,
    ],
    report,
  );
  checkResources(fn, report);
  for (const [name, value] of Object.entries(fn.buildArgs)) {
    if (name.trim() === '' || value.trim() === '')
      report(['build_args', name], 'a build argument needs a name and a value', 'give it one, or remove it');
  }
}

function checkImage(image: string, report: Report): void {
  if (image === '') {
    report(['image'], 'the function has no image', 'give it "image:" with the name that it is to have');
    return;
  }
  attempt(
    () => parseImageReference(image),
    (why) =>
      /[A-Z]/.test(image.replace(/:[^:/]*$/, ''))
        ? report(
            ['image'],
            `${JSON.stringify(image)} is no name of an image: it has capitals`,
            'use lower case only',
          )
        : report(['image'], why),
  );
}

/** One after the other, so that all that are wrong are told. */
function checkEach(
  values: readonly string[],
  field: string,
  check: (values: readonly string[]) => void,
  report: Report,
): void {
  for (const [index, value] of values.entries()) {
    const before = values.slice(0, index).includes(value) ? [value] : [];
    attempt(
      () => check([...before, value]),
      (why) => report([field, index], why),
    );
  }
}

/** In the place of a wrong value that others need, so that they are looked at, too. */
const HARMLESS: Texts = { [SCHEDULE_ANNOTATION]: '@daily', [RATE_LABEL]: '1' };

/**
 * Labels or annotations by parsers that throw at the first that is wrong: that is told and taken away, and they are asked again. What is
 * only wrong because another one was taken away is not told.
 */
function checkTexts(
  all: Texts,
  field: string,
  parsers: readonly ((texts: Texts) => unknown)[],
  report: Report,
): void {
  for (const parse of parsers) {
    const left: Record<string, string> = { ...all };
    const removed: string[] = [];
    for (let goesOn = true; goesOn; ) {
      goesOn = false;
      attempt(
        () => parse(left),
        (why, message) => {
          const [key] = namedKeys(message, Object.keys(left));
          if (namedKeys(message, removed).length === 0)
            report(key === undefined ? [field] : [field, key], why);
          if (key === undefined) return;
          removed.push(key);
          const harmless = HARMLESS[key];
          if (harmless === undefined || left[key] === harmless) delete left[key];
          else left[key] = harmless;
          goesOn = true;
        },
      );
    }
  }
}

/** Those of the keys that a message has as words, in its order. */
function namedKeys(message: string, keys: readonly string[]): string[] {
  const words = message.split(/[\s:(),"]+/);
  return words.filter((word) => keys.includes(word));
}

function checkResources({ limits, requests }: StackFunction, report: Report): void {
  const read = (field: 'limits' | 'requests', asked: FunctionResources = {}) => {
    const amount = (name: 'memory' | 'cpu', parse: (text: string, field: string) => number) => {
      const text = asked[name];
      let value: number | undefined;
      if (text !== undefined)
        attempt(
          () => {
            value = parse(text, name);
          },
          (why) => report([field, name], why),
        );
      return value;
    };
    for (const device of DEVICES) {
      const text = asked[device];
      if (text !== undefined && !/^[1-9]\d{0,3}$/.test(text))
        report(
          [field, device],
          `${JSON.stringify(text)} is not a number of devices`,
          'write a whole number, such as 1',
        );
    }
    return { memory: amount('memory', parseMemoryBytes), cpu: amount('cpu', parseNanoCpus) };
  };
  const most = read('limits', limits);
  const least = read('requests', requests);
  for (const name of ['memory', 'cpu'] as const) {
    const [limit, request] = [most[name], least[name]];
    if (limit !== undefined && request !== undefined && request > limit) {
      report(['requests', name], `is more than limits.${name}: no replica could ever start`, 'ask for less');
    }
  }
}

function checkGateway({ stack, problemAt }: StackReading): StackProblem[] {
  const { gateway } = stack;
  if (gateway === undefined) return [];
  const [, scheme] = /^([a-z][\w+.-]*):\/\//i.exec(gateway) ?? [];
  const isHttp = scheme === undefined || /^https?$/i.test(scheme);
  if (isHttp && URL.canParse(scheme === undefined ? `http://${gateway}` : gateway)) return [];
  return [
    problemAt(
      ['provider', 'gateway'],
      `${JSON.stringify(gateway)} is no address of a gateway`,
      'write it as http://HOST:PORT',
    ),
  ];
}

/** Whose image would be built over by another one's. */
function checkSharedImages({ problemAt }: StackReading, functions: readonly StackFunction[]): StackProblem[] {
  const builtAs = new Map<string, StackFunction>();
  return functions.flatMap((fn) => {
    if (fn.image === '' || fn.skipBuild || (fn.lang === '' && fn.handler === '')) return [];
    let name = fn.image; // as it is where it is none: that is told elsewhere
    attempt(
      () => {
        const { repository, tag } = canonicalImage(fn.image);
        name = `${repository}:${tag}`;
      },
      () => {},
    );
    const other = builtAs.get(name);
    if (other === undefined) {
      builtAs.set(name, fn);
      return [];
    }
    if (sourceOf(other) === sourceOf(fn)) return [];
    return [
      problemAt(
        ['functions', fn.name, 'image'],
        `${other.name} and ${fn.name} are built from different sources under this one name, the later over the earlier`,
        'give each of them an image of its own',
      ),
    ];
  });
}

function sourceOf({ lang, handler, buildArgs, buildOptions }: StackFunction): string {
  const folder = handler.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  return JSON.stringify([lang, folder, Object.entries(buildArgs).toSorted(), buildOptions.toSorted()]);
}

/** @param onRefusal gets what is wrong without the field's name, which is told beside it, and the whole message */
function attempt(check: () => unknown, onRefusal: (why: string, message: string) => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    onRefusal(error.message.replace(FIELD, ''), error.message);
  }
}

/** How the contract's parsers begin: `label com.openfaas.scale.min: `, `annotations: schedule: `, `secrets[0]: `. */
const FIELD =
  /^(?:label \S+:|annotations: \S+:|(?:image|envVars|memory|cpu|constraints\[\d+\]|secrets\[\d+\]):) /;
