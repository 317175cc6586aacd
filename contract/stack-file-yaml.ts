import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { ContractError } from './contract-error.ts';

/** Far above any stack file, low enough that a hostile one is refused at once. */
const MAX_BYTES = 1024 * 1024;
const MAX_MERGES = 1000;

/** One value of a YAML file with the way to it, for messages such as `stack.yaml:7:5: functions.a.image: …`. */
export interface YamlField {
  /** Undefined for an absent value and for an explicit null. */
  readonly node: Node | undefined;
  readonly path: string;
}

/**
 * A YAML file read as text: every scalar keeps its literal form (`1.10`, `yes`, `010`), null becomes the empty
 * string, and every refusal names file, line and column.
 */
export class YamlText {
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();
  private readonly fileName: string;
  private merges = 0;

  /** @throws {ContractError} for what is no YAML, more than one document, or a file over 1 MiB */
  constructor(text: string, fileName: string) {
    this.fileName = fileName;
    if (text.length > MAX_BYTES) throw new ContractError(`${fileName}: larger than 1 MiB: not a stack file`);
    this.document = parseDocument(text, { schema: 'failsafe', lineCounter: this.lines, prettyErrors: false });
    const [problem] = this.document.errors;
    if (problem) throw new ContractError(`${this.at(problem.pos[0])}: ${problem.message}`);
  }

  get root(): YamlField {
    return { node: this.document.contents ?? undefined, path: '' };
  }

  /** The error for a field, pointing at its line and column. */
  problem(field: YamlField, message: string): ContractError {
    const place = this.at(field.node?.range?.[0]);
    return new ContractError(`${place}: ${field.path === '' ? '' : `${field.path}: `}${message}`);
  }

  /** Keys in file order; anchors and `<<` merges resolved, own keys before merged ones. Null is an empty map. */
  entries(field: YamlField): Map<string, YamlField> {
    const node = this.resolve(field);
    const out = new Map<string, YamlField>();
    if (node === undefined) return out;
    if (!isMap(node)) throw this.problem(field, 'expected keys with values');
    this.collect(node, field, out);
    return out;
  }

  /** Literal text of a scalar; null is the empty string. */
  text(field: YamlField): string {
    const node = this.resolve(field);
    if (node === undefined) return '';
    if (!isScalar(node)) throw this.problem(field, 'expected text, not a list or a map');
    return String(node.value);
  }

  /** Absent and null are undefined. */
  optionalText(field: YamlField | undefined): string | undefined {
    return field === undefined || this.resolve(field) === undefined ? undefined : this.text(field);
  }

  list(field: YamlField): string[] {
    const node = this.resolve(field);
    if (node === undefined) return [];
    if (!isSeq(node)) throw this.problem(field, 'expected a list: one "- value" per line');
    return node.items.map((item, index) =>
      this.text({ node: item as Node, path: `${field.path}[${index}]` }),
    );
  }

  /** A list of maps, such as `configuration.templates`. */
  items(field: YamlField): YamlField[] {
    const node = this.resolve(field);
    if (node === undefined) return [];
    if (!isSeq(node)) throw this.problem(field, 'expected a list: one "- value" per line');
    return node.items.map((item, index) => ({ node: item as Node, path: `${field.path}[${index}]` }));
  }

  textMap(field: YamlField): Record<string, string> {
    return Object.fromEntries([...this.entries(field)].map(([key, value]) => [key, this.text(value)]));
  }

  /** `true/false/yes/no/on/off` unquoted; quoted only the words that are no YAML 1.2 booleans, as Go's parser has it. */
  flag(field: YamlField): boolean {
    const node = this.resolve(field);
    if (node === undefined) return false;
    if (isScalar(node)) {
      const text = String(node.value);
      const quoted = node.type !== 'PLAIN';
      if (/^(yes|Yes|YES|on|On|ON)$/.test(text) || (!quoted && /^(true|True|TRUE)$/.test(text))) return true;
      if (/^(no|No|NO|off|Off|OFF)$/.test(text) || (!quoted && /^(false|False|FALSE)$/.test(text)))
        return false;
    }
    throw this.problem(field, 'expected true or false, without quotes');
  }

  private collect(map: YAMLMap, field: YamlField, out: Map<string, YamlField>): void {
    const merged: YamlField[] = [];
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = this.text({ node: pair.key ?? undefined, path: `${field.path} (a key)` });
      const value = { node: pair.value ?? undefined, path: field.path === '' ? key : `${field.path}.${key}` };
      if (key === '<<') merged.push(value);
      else if (!out.has(key)) out.set(key, value);
    }
    for (const value of merged) this.merge(value, field, out);
  }

  private merge(value: YamlField, into: YamlField, out: Map<string, YamlField>): void {
    this.merges += 1;
    if (this.merges > MAX_MERGES) throw this.problem(value, 'too many merged maps');
    const node = this.resolve(value);
    if (isMap(node)) this.collect(node, into, out);
    else if (isSeq(node)) {
      for (const item of node.items) this.merge({ node: item as Node, path: value.path }, into, out);
    } else throw this.problem(value, 'expected a map, or a list of maps, to merge');
  }

  /** Follows an alias; a plain `null`, `~` or nothing is undefined. */
  private resolve(field: YamlField): Node | undefined {
    let node = field.node;
    if (isAlias(node)) {
      const name = node.source;
      node = node.resolve(this.document);
      if (node === undefined) throw this.problem(field, `unknown anchor "${name}"`);
    }
    if (isScalar(node)) {
      const isNull = node.type === 'PLAIN' && /^(null|Null|NULL|~|)$/.test(String(node.value ?? ''));
      return isNull || node.value === null ? undefined : node;
    }
    return node;
  }

  private at(offset: number | undefined): string {
    if (offset === undefined) return this.fileName;
    const { line, col } = this.lines.linePos(offset);
    return `${this.fileName}:${line}:${col}`;
  }
}
