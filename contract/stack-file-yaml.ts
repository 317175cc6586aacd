import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { type FieldWay, StackFileError, type StackProblem } from './stack-file-problem.ts';
import { tooDeepAt } from './yaml-depth.ts';

/** Far above any stack file, low enough that a hostile one is refused at once. */
const MAX_BYTES = 1024 * 1024;
const MAX_MERGES = 1000;
const MOST_SYNTAX_ERRORS = 20;
/** Values that are read, aliases followed: far above any stack file, too. */
const MAX_VALUES = 100_000;

/** One value of a YAML file with the way to it, for messages such as `stack.yaml:7:5: functions.a.image: …`. */
export interface YamlField {
  /** Undefined for an absent value and for an explicit null. */
  readonly node: Node | undefined;
  readonly path: string;
  /** Where the value belongs to; absent at the top and in a list. */
  readonly key?: Node | undefined;
}

export interface YamlTextOptions {
  /** Takes what is wrong, and reading goes on as if it was not there; absent: the first of it is thrown. */
  readonly onProblem?: (problem: StackProblem) => void;
  /** The file as it was before `text` was made of it. */
  readonly source?: { readonly text: string; toSource(offset: number): number };
}

/**
 * A YAML file read as text: every scalar keeps its literal form (`1.10`, `yes`, `010`), null becomes the empty
 * string, and every refusal names file, line and column.
 */
export class YamlText {
  private readonly document: Document.Parsed | undefined;
  private readonly fileName: string;
  private readonly options: YamlTextOptions;
  private readonly lineStarts: readonly number[];
  private readonly anchored = new Map<Alias, Node>();
  private merges = 0;
  private values = 0;

  /** @throws {StackFileError} for what is no YAML, more than one document, or a file over 1 MiB */
  constructor(text: string, fileName: string, options: YamlTextOptions = {}) {
    this.fileName = fileName;
    this.options = options;
    this.lineStarts = lineStartsOf(options.source?.text ?? text);
    if (text.length > MAX_BYTES) {
      this.fail(undefined, 'larger than 1 MiB', 'no file of this kind is: look whether it is the right one');
      return;
    }
    const deep = tooDeepAt(text);
    if (deep !== undefined) {
      this.fail(deep, 'nested too deep', 'a stack file has few levels');
      return;
    }
    // Doubles are looked for below: the parser would compare each key of a map with each other one.
    this.document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, uniqueKeys: false });
    this.failSyntax(this.document.errors);
    if (this.isBroken) return;
    this.walk(this.document);
  }

  /** Whether it is no YAML: then nothing in it was read. */
  get isBroken(): boolean {
    return this.document === undefined || this.document.errors.length > 0;
  }

  get root(): YamlField {
    return { node: this.isBroken ? undefined : (this.document?.contents ?? undefined), path: '' };
  }

  /** Notes what is wrong with a field, or throws it where nobody takes notes. */
  report(field: YamlField, what: string, advice: string): void {
    this.note(this.problemOf(field, what, advice));
  }

  /** The same about its key. */
  reportKey(field: YamlField, what: string, advice: string): void {
    this.note(this.problemOfKey(field, what, advice));
  }

  /** An error of a field, told to nobody. */
  problemOf(field: YamlField, what: string, advice: string): StackProblem {
    return this.problem(this.offsetOf(field), what, advice, field.path);
  }

  /** The same about its key. */
  problemOfKey(field: YamlField, what: string, advice: string): StackProblem {
    return this.problem(this.offsetOfKey(field), what, advice, field.path);
  }

  /** The field at the end of a way of keys and indices, or as much of the way as there is. */
  find(way: FieldWay): YamlField {
    let field = this.root;
    for (const step of way) {
      const node = this.resolve(field);
      const next =
        typeof step === 'string'
          ? isMap(node) && this.entries(field).get(step)
          : isSeq(node) && this.items(field)[step];
      if (!next) return field;
      field = next;
    }
    return field;
  }

  /** Keys in file order; anchors and `<<` merges resolved, own keys before merged ones. Null is an empty map. */
  entries(field: YamlField): Map<string, YamlField> {
    const node = this.resolve(field);
    const out = new Map<string, YamlField>();
    if (node === undefined) return out;
    if (isMap(node)) this.collect(node, field, out);
    else this.report(field, 'expected keys with values', 'write one "key: value" per line');
    return out;
  }

  /** Literal text of a scalar; null is the empty string. */
  text(field: YamlField): string {
    const node = this.resolve(field);
    if (node === undefined) return '';
    if (isScalar(node)) return String(node.value);
    this.report(field, 'expected text, not a list or a map', 'put it into quotes if it is meant as text');
    return '';
  }

  /** Absent and null are undefined. */
  optionalText(field: YamlField | undefined): string | undefined {
    return field === undefined || this.resolve(field) === undefined ? undefined : this.text(field);
  }

  list(field: YamlField): string[] {
    return this.items(field).map((item) => this.text(item));
  }

  /** The fields of a list. */
  items(field: YamlField): YamlField[] {
    const node = this.resolve(field);
    if (node === undefined) return [];
    if (!isSeq(node)) {
      this.report(field, 'expected a list', 'write one "- value" per line');
      return [];
    }
    return node.items.map((item, index) => {
      this.count(field);
      return { node: (item ?? undefined) as Node | undefined, path: `${field.path}[${index}]` };
    });
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
    this.report(field, 'expected true or false', 'write it without quotes');
    return false;
  }

  private collect(map: YAMLMap, field: YamlField, out: Map<string, YamlField>): void {
    const merged: YamlField[] = [];
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      this.count(field);
      const key = this.text({ node: pair.key ?? undefined, path: `${field.path} (a key)` });
      const path = field.path === '' ? key : `${field.path}.${key}`;
      const value = { node: pair.value ?? undefined, path, key: pair.key ?? undefined };
      if (key === '<<') merged.push(value);
      else if (!out.has(key)) out.set(key, value);
    }
    for (const value of merged) this.merge(value, field, out);
  }

  private merge(value: YamlField, into: YamlField, out: Map<string, YamlField>): void {
    this.merges += 1;
    if (this.merges > MAX_MERGES) this.tooMuch(value, 'too many merged maps');
    const node = this.resolve(value);
    if (isMap(node)) this.collect(node, into, out);
    else if (isSeq(node)) {
      for (const item of node.items) this.merge({ node: item as Node, path: value.path }, into, out);
    } else
      this.report(value, 'expected a map, or a list of maps, to merge', 'name an anchor of one: <<: *name');
  }

  /** Of what aliases multiply, too. */
  private count(field: YamlField): void {
    this.values += 1;
    if (this.values <= MAX_VALUES) return;
    if (this.anchored.size > 0) this.tooMuch(field, 'too many values, with all aliases followed');
    throw new StackFileError([this.problemOf(field, 'too many values', 'make several stack files of it')]);
  }

  /** Reading on would take for ever: this ends it, whoever takes notes. */
  private tooMuch(field: YamlField, what: string): never {
    throw new StackFileError([this.problemOf(field, what, 'write out what you need in place of aliases')]);
  }

  /** Follows an alias; a plain `null`, `~` or nothing is undefined. */
  private resolve(field: YamlField): Node | undefined {
    let node = field.node;
    for (let hops = 0; isAlias(node) && hops < MAX_MERGES; hops += 1) {
      const found = this.anchored.get(node);
      if (found === undefined) {
        this.report(field, `unknown anchor "${node.source}"`, `define it above: &${node.source}`);
        return undefined;
      }
      node = found;
    }
    if (isScalar(node)) {
      const isNull = node.type === 'PLAIN' && /^(null|Null|NULL|~|)$/.test(String(node.value ?? ''));
      return isNull || node.value === null ? undefined : node;
    }
    return node;
  }

  /** Every alias with what it stands for, and every key that a map has twice; in the file's order. */
  private walk(document: Document.Parsed): void {
    const latest = new Map<string, Node>();
    const ahead: unknown[] = [document.contents];
    while (ahead.length > 0) {
      const node = ahead.pop();
      if (isAlias(node)) {
        const anchor = latest.get(node.source);
        if (anchor !== undefined) this.anchored.set(node, anchor);
      } else if (isPair(node)) ahead.push(node.value, node.key);
      else if (isNode(node)) {
        if (node.anchor !== undefined) latest.set(node.anchor, node);
        if (isMap(node)) this.reportDoubles(node);
        if (isCollection(node)) ahead.push(...node.items.toReversed());
      }
    }
  }

  private reportDoubles(map: YAMLMap): void {
    const seen = new Map<string, number | undefined>();
    for (const { key } of map.items as Pair<Node, Node | null>[]) {
      if (!isScalar(key)) continue;
      const name = String(key.value ?? '');
      if (name === '<<') continue;
      if (seen.has(name)) {
        const line = this.at(seen.get(name))?.line;
        this.fail(
          key.range?.[0],
          `the key "${name}" stands here a second time, after line ${line ?? '?'}: keys must be unique`,
          'remove one of the two',
        );
      } else seen.set(name, key.range?.[0]);
    }
  }

  /** One for a line: the parser stumbles more than once over the same thing. */
  private failSyntax(errors: readonly YAMLError[]): void {
    const lines = new Set<number | undefined>();
    for (const { code, message, pos } of errors) {
      const line = this.at(pos[0])?.line;
      if (lines.has(line) || lines.size >= MOST_SYNTAX_ERRORS) continue;
      lines.add(line);
      const own = SYNTAX[code];
      const [what = message.replace(/[.:]?\s*$/, ''), advice = ''] = own ?? [];
      this.fail(pos[0], what, advice);
    }
  }

  private fail(offset: number | undefined, what: string, advice: string): void {
    this.note(this.problem(offset, what, advice, ''));
  }

  private note(problem: StackProblem): void {
    if (this.options.onProblem === undefined) throw new StackFileError([problem]);
    this.options.onProblem(problem);
  }

  private problem(offset: number | undefined, what: string, advice: string, field: string): StackProblem {
    return { severity: 'error', file: this.fileName, ...this.at(offset), field, what, advice };
  }

  /** Of the value, or of its key where the value is not there or goes over several lines. */
  private offsetOf({ node, key }: YamlField): number | undefined {
    const isBlock = (isMap(node) || isSeq(node)) && node.flow !== true;
    const isNothing = isScalar(node) && (node.source ?? '') === '' && node.type === 'PLAIN';
    const nearest = (isBlock || isNothing || node === undefined) && key !== undefined ? key : node;
    return nearest?.range?.[0];
  }

  private offsetOfKey(field: YamlField): number | undefined {
    return field.key?.range?.[0] ?? this.offsetOf(field);
  }

  private at(offset: number | undefined): { readonly line: number; readonly column: number } | undefined {
    if (offset === undefined) return undefined;
    const place = this.options.source?.toSource(offset) ?? offset;
    let line = 0;
    let end = this.lineStarts.length;
    while (end - line > 1) {
      const middle = (line + end) >>> 1;
      if ((this.lineStarts[middle] ?? 0) <= place) line = middle;
      else end = middle;
    }
    return { line: line + 1, column: place - (this.lineStarts[line] ?? 0) + 1 };
  }
}

/** What the parser's errors mean to whoever wrote the file; the others are told in its own words. */
const SYNTAX: Readonly<Record<string, readonly [what: string | undefined, advice: string]>> = {
  TAB_AS_INDENT: ['a tab indents this line', 'YAML takes spaces only'],
  BAD_INDENT: [
    'this line is indented differently from those it belongs to',
    'give all of them the same number of spaces',
  ],
  MULTIPLE_DOCS: ['multiple documents', 'a stack file is one: remove what begins with ---'],
  MISSING_CHAR: [undefined, 'look for a quote or bracket that is not closed, or a key without its colon'],
  BLOCK_AS_IMPLICIT_KEY: [
    'there is another "key: value" inside this value',
    'put the value into quotes, or begin its line where the others begin',
  ],
  MULTILINE_IMPLICIT_KEY: ['this is no "key: value"', 'put a colon and a space after the key'],
};

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
