import { posix } from 'node:path';
import {
  type Arg,
  DockerfileParser,
  type Env,
  type From,
  type Instruction,
  type Workdir,
} from 'dockerfile-ast';
import { expandVariables } from '../cli/build/base-image.ts';

/** What an image would set for its processes. */
export interface ImageEnvironment {
  /** `ENV` of the last stage and of the stages that it is made from; the base image's own is not known. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path in the image: the last `WORKDIR`. */
  readonly workdir: string;
}

/**
 * Reads `ENV`, `ARG` and `WORKDIR` of a Dockerfile's last stage. Everything else in it happens in a build, and there is none.
 * @param given what `ENV` may refer to and no stage sets, such as `PATH`
 */
export function imageEnvironment(
  dockerfile: string,
  given: Readonly<Record<string, string | undefined>>,
): ImageEnvironment {
  const stages = readStages(DockerfileParser.parse(dockerfile).getInstructions());
  const env: Record<string, string> = {};
  let workdir = '/';
  const args: Record<string, string> = { ...stages.globalArgs };
  const lookUp = (name: string): string => env[name] ?? args[name] ?? given[name] ?? '';
  for (const instruction of stages.ofLast()) {
    switch (instruction.getKeyword()) {
      case 'ARG': {
        const property = (instruction as Arg).getProperty();
        if (property) args[property.getName()] ??= expandVariables(property.getValue() ?? '', lookUp);
        break;
      }
      case 'ENV':
        // Within one instruction the values are those of before it.
        Object.assign(env, readEnv(instruction as Env, lookUp));
        break;
      case 'WORKDIR':
        workdir = posix.resolve(workdir, expandVariables((instruction as Workdir).getPath() ?? '', lookUp));
        break;
    }
  }
  return { env, workdir };
}

/** Puts the folder of the processes where the image's own working folder is meant, as a whole path or at the beginning of one. */
export function movedTo({ env, workdir }: ImageEnvironment, folder: string): Record<string, string> {
  if (workdir === '/') return { ...env };
  const escaped = workdir.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`(?<![\\w./-])${escaped}(?![\\w.-])`, 'g');
  return Object.fromEntries(
    Object.entries(env).map(([key, value]) => [key, value.replace(pattern, () => folder)]),
  );
}

interface Stages {
  readonly globalArgs: Readonly<Record<string, string>>;
  /** The instructions of the last stage, after those of the stages that it is made from. */
  ofLast(): readonly Instruction[];
}

function readStages(instructions: readonly Instruction[]): Stages {
  const globalArgs: Record<string, string> = {};
  const stages: { name: string; from: string; own: Instruction[] }[] = [];
  for (const instruction of instructions) {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      const from = instruction as From;
      stages.push({ name: from.getBuildStage() ?? '', from: from.getImage() ?? '', own: [] });
    } else if (stages.length > 0) {
      stages.at(-1)?.own.push(instruction);
    } else if (keyword === 'ARG') {
      const property = (instruction as Arg).getProperty();
      if (property) globalArgs[property.getName()] = property.getValue() ?? '';
    }
  }
  const upTo = (index: number): Instruction[] => {
    const stage = stages[index];
    if (stage === undefined) return [];
    const isParent = ({ name }: { name: string }): boolean =>
      name !== '' && name.toLowerCase() === stage.from.toLowerCase();
    // Only stages before it: none can be made from itself, whatever a Dockerfile says.
    return [...upTo(stages.slice(0, index).findLastIndex(isParent)), ...stage.own];
  };
  return { globalArgs, ofLast: () => upTo(stages.length - 1) };
}

function readEnv(instruction: Env, lookUp: (name: string) => string): Record<string, string> {
  const properties = instruction.getProperties();
  const [first] = properties;
  if (first && first.getAssignmentOperator() === null) {
    // The old form: one name, and the rest of the line is its value.
    const [, name = '', value = ''] =
      /^\s*(\S+)\s+(.*?)\s*$/s.exec(instruction.getRawArgumentsContent() ?? '') ?? [];
    return name === '' ? {} : { [name]: expandVariables(value.replace(/^(["'])(.*)\1$/s, '$2'), lookUp) };
  }
  const entries = properties.map((property): [string, string] => {
    const raw = property.getUnescapedValue() ?? '';
    const value = property.getValue() ?? '';
    const isLiteral = raw.startsWith("'") || raw.includes('\\$');
    return [property.getName(), isLiteral ? value : expandVariables(value, lookUp)];
  });
  return Object.fromEntries(entries);
}
