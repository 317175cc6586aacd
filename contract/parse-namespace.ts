import { ContractError } from './contract-error.ts';
import { parseName } from './parse-deployment.ts';
import { optionalString, optionalStringMap, parseObject } from './parse-json.ts';

/** A namespace as GET answers it. */
export interface FunctionNamespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The mark of a namespace that may hold functions; clients send it, and each that is made here has it. */
const USABLE = { key: 'openfaas', value: '1' } as const;

/** Names that mean something else where OpenFaaS runs on Kubernetes, or in Skep's own stack. */
const RESERVED: ReadonlySet<string> = new Set(['openfaas', 'skep', 'kube-system', 'kube-public']);
/** All of them travel through the managers' raft log with every change. */
const MOST_METADATA_BYTES = 256 * 1024;

/**
 * The body of POST and PUT /system/namespace/NAME; the name may stand in the path, the body or both.
 * The annotation `openfaas: "1"` is added where neither labels nor annotations have it.
 * @throws {ContractError} that names the field
 */
export function parseNamespaceRequest(body: unknown, pathName: string): FunctionNamespace {
  const object = parseObject(body === undefined ? {} : body, 'the body');
  const bodyName = optionalString(object, 'name') ?? pathName;
  if (pathName !== '' && bodyName !== pathName) {
    throw new ContractError(
      `name: the path says ${pathName}, the body ${bodyName.slice(0, 100)}: which is meant?`,
    );
  }
  if (bodyName === '') throw new ContractError('name: is required');
  const name = parseName(bodyName, 'name');
  if (RESERVED.has(name)) {
    throw new ContractError(`name: ${name} is reserved for the platform: choose another name`);
  }
  const labels = optionalStringMap(object, 'labels') ?? {};
  const sent = optionalStringMap(object, 'annotations') ?? {};
  const bytes = Buffer.byteLength(JSON.stringify([labels, sent]));
  if (bytes > MOST_METADATA_BYTES) {
    throw new ContractError(
      `labels, annotations: have ${bytes} bytes together; at most ${MOST_METADATA_BYTES} are kept`,
    );
  }
  return { name, labels, annotations: withMark(labels, sent) };
}

/** What a namespace is like that nobody made. */
export function bareNamespace(name: string): FunctionNamespace {
  return { name, labels: {}, annotations: { [USABLE.key]: USABLE.value } };
}

function withMark(
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  for (const [field, map] of Object.entries({ labels, annotations })) {
    const said = Object.hasOwn(map, USABLE.key) ? map[USABLE.key] : undefined;
    if (said !== undefined && said !== USABLE.value) {
      throw new ContractError(
        `${field}.${USABLE.key}: can only be "${USABLE.value}": a namespace without it has no use`,
      );
    }
  }
  const isMarked = Object.hasOwn(labels, USABLE.key) || Object.hasOwn(annotations, USABLE.key);
  return isMarked ? annotations : { ...annotations, [USABLE.key]: USABLE.value };
}
