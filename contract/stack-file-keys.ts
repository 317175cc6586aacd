import type { JsonSchema } from './json-schema.ts';

// What a stack file may have in it, key by key: the parser takes its keys from here, editors their help.

/** Whatever YAML makes of it, it is taken as it is written: `1.10`, `yes` and `010` are texts. */
export const LITERAL: JsonSchema = { type: ['string', 'number', 'boolean', 'null'] };
/** A value that the environment gives: nothing can be said of it before. */
export const VARIABLE = '\\$\\{';

/** A text: a number or `yes` is one, too. */
export function literal(
  description: string,
  more: Omit<JsonSchema, 'type' | 'description'> = {},
): JsonSchema {
  return { ...LITERAL, description, ...more };
}
/** The same where `true` would be a mistake: editors would offer it otherwise. */
function name(description: string, more: Omit<JsonSchema, 'type' | 'description'> = {}): JsonSchema {
  return { type: ['string', 'number', 'null'], description, ...more };
}
function flag(description: string): JsonSchema {
  return {
    description,
    anyOf: [
      { type: ['boolean', 'null'] },
      { enum: ['yes', 'Yes', 'YES', 'no', 'No', 'NO', 'on', 'On', 'ON', 'off', 'Off', 'OFF'] },
      { type: 'string', pattern: VARIABLE },
    ],
    default: false,
  };
}
/** As a whole it may be a variable, too. */
const LIST: JsonSchema = {
  type: ['array', 'null', 'string'],
  pattern: VARIABLE,
  patternErrorMessage: 'Expected a list: write one "- value" per line.',
};
export const MAP: JsonSchema = {
  type: ['object', 'null', 'string'],
  pattern: VARIABLE,
  patternErrorMessage: 'Expected keys with values: write one "key: value" per line.',
};
/** Keys of which nobody but their author knows anything. */
export const EXTENSIONS: JsonSchema = { patternProperties: { '^x-': {} }, additionalProperties: false };

function listOf(description: string, items: JsonSchema = LITERAL): JsonSchema {
  return { ...LIST, items, description };
}
function mapOf(description: string): JsonSchema {
  return { ...MAP, description, additionalProperties: LITERAL };
}
/** @param pattern for those that are written as texts, since numbers have none */
function quantity(description: string, pattern: string, examples: readonly string[]): JsonSchema {
  const patternErrorMessage = `Not of the form ${examples.join(' or ')}.`;
  return name(description, {
    anyOf: [{ pattern, patternErrorMessage }, { pattern: VARIABLE }, { maxLength: 0 }],
    examples,
  });
}
function devices(resource: string): JsonSchema {
  return quantity(`How many of the nodes’ generic resource ${resource}.`, '^[1-9]\\d{0,3}$', ['1']);
}

export const RESOURCE_KEYS: Readonly<Record<string, JsonSchema>> = {
  memory: quantity(
    'Memory, in Kubernetes’ or Docker’s units: 128Mi, 128m, 1g. At least 4Mi.',
    '^\\s*\\d+(\\.\\d+)?\\s*[kmgtpKMGTP]?([iI]?[bB]|[iI])?\\s*$',
    ['128Mi', '1g'],
  ),
  cpu: quantity('CPUs: thousandths such as 100m, or cores such as 0.5.', '^\\s*\\d+(\\.\\d+)?m?\\s*$', [
    '100m',
    '0.5',
  ]),
  'nvidia.com/gpu': devices('NVIDIA-GPU'),
  'amd.com/gpu': devices('AMD-GPU'),
  'intel.com/gpu': devices('INTEL-GPU'),
};

function resources(description: string): JsonSchema {
  return { ...MAP, ...EXTENSIONS, description, properties: RESOURCE_KEYS };
}

export const FUNCTION_KEYS: Readonly<Record<string, JsonSchema>> = {
  lang: name('Name of the template; dockerfile for a handler folder with a Dockerfile of its own.', {
    examples: 'node node-http typescript python python-flask go rust java ruby php bash dockerfile'.split(
      ' ',
    ),
  }),
  handler: name('Folder of the source, inside this one.', { examples: ['./hello'] }),
  image: name(
    'Name of the image. It is pushed where its first part names a registry (a dot, a colon, or localhost).',
    {
      anyOf: [
        {
          pattern: '^[^A-Z\\s]+(:\\w[\\w.-]*)?(@sha256:[0-9a-f]{64})?$',
          patternErrorMessage: 'The name of an image has lower case letters only, and no blanks.',
        },
        { pattern: VARIABLE },
        { maxLength: 0 },
      ],
      examples: ['hello:latest', '127.0.0.1:5000/hello:latest'],
    },
  ),
  fprocess: literal('Command that the watchdog runs, in place of the template’s.'),
  environment: mapOf('Environment of the function. Values are taken as they are written.'),
  environment_file: listOf('YAML files with more of it beneath environment:; later ones win.'),
  secrets: listOf('Names of secrets: files in /var/openfaas/secrets.'),
  skip_build: flag('Neither built nor pushed: the image is made elsewhere.'),
  constraints: listOf('Where replicas may run.', { ...LITERAL, examples: ['node.role == worker'] }),
  labels: mapOf('Labels: how the function scales, and what you like.'),
  annotations: mapOf('Annotations: how the function is called, and what you like.'),
  limits: resources('The most that a replica gets.'),
  requests: resources('What is set aside for each replica.'),
  readonly_root_filesystem: flag('Nothing but /tmp can be written.'),
  build_options: listOf('Build options of the template, by their names in its template.yml.'),
  build_args: mapOf('Docker build arguments.'),
  build_secrets: mapOf('Build secrets: id to the path of a file. They need BuildKit.'),
  platforms: name('Platforms for publish, separated by commas.', {
    examples: ['linux/amd64,linux/arm64'],
  }),
  namespace: name('Namespace of the function, in place of the default one.', {
    anyOf: [{ pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$', maxLength: 63 }, { pattern: VARIABLE }],
  }),
};

/** Of older stack files, known to mean nothing today. */
export const RETIRED_KEYS: Readonly<Record<string, JsonSchema>> = {
  network: { deprecated: true, description: 'Means nothing any more.' },
  registry_auth: { deprecated: true, description: 'Means nothing any more: use docker login.' },
  copy_extra: { deprecated: true, description: 'Means nothing any more: use configuration.copy.' },
};

export const PROVIDER_KEYS: Readonly<Record<string, JsonSchema>> = {
  name: {
    description: 'The contract that it speaks.',
    anyOf: [{ enum: ['openfaas'] }, { type: 'string', pattern: VARIABLE }],
    default: 'openfaas',
  },
  gateway: name('Address of the gateway, unless --gateway or OPENFAAS_URL names another.', {
    examples: ['http://127.0.0.1:8080'],
  }),
};

export const TEMPLATE_KEYS: Readonly<Record<string, JsonSchema>> = {
  name: name('Name of the template, as lang has it.'),
  source: name(
    'Git repository that has it, #ref behind it for a branch or tag; absent: the template store.',
    {
      examples: ['https://github.com/org/repo#v1'],
    },
  ),
};

export const CONFIGURATION_KEYS: Readonly<Record<string, JsonSchema>> = {
  templates: {
    ...listOf('Where templates come from that are not here.'),
    items: {
      ...EXTENSIONS,
      ...MAP,
      type: ['object', 'string'],
      properties: TEMPLATE_KEYS,
      required: ['name'],
    },
  },
  copy: listOf('Paths inside this folder that are copied beneath the handler of every build.'),
};

export const TOP_KEYS: Readonly<Record<string, JsonSchema>> = {
  version: {
    description: 'Version of the format.',
    anyOf: [{ enum: [1.0, '1.0', '', null] }, { type: 'string', pattern: VARIABLE }],
  },
  provider: { ...MAP, type: ['object', 'string'], description: 'Where the functions go.' },
  configuration: { ...MAP, description: 'What holds for all functions.' },
  functions: {
    ...MAP,
    description: 'The functions, by name: a-z, 0-9 and dashes, at most 63.',
  },
};

const namesOf = (keys: Readonly<Record<string, JsonSchema>>): readonly string[] => Object.keys(keys);

/** The keys of each part, in the order in which they are told. */
export const STACK_FILE_KEYS = {
  top: namesOf(TOP_KEYS),
  provider: namesOf(PROVIDER_KEYS),
  configuration: namesOf(CONFIGURATION_KEYS),
  template: namesOf(TEMPLATE_KEYS),
  function: namesOf(FUNCTION_KEYS),
  retired: namesOf(RETIRED_KEYS),
  resources: namesOf(RESOURCE_KEYS),
} as const;
