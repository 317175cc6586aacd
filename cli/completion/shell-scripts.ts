/** What words an argument is chosen from that only a gateway, a stack file or the templates can tell. */
export type Completes = 'functions' | 'stack' | 'templates';

export interface CompletedFlag {
  /** e.g. `--namespace` */
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
}

/** What the scripts are made of: a command with its aliases, flags, and commands of its own. */
export interface CompletedCommand {
  readonly names: readonly string[];
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  readonly commands: readonly CompletedCommand[];
  readonly completes?: Completes | undefined;
}

/** Single-quoted for any of the three shells. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Every command with the words that lead to it, by any of its names: `['secret', 'create']`. */
function paths(
  commands: readonly CompletedCommand[],
): { readonly words: readonly string[]; readonly command: CompletedCommand }[] {
  return commands.flatMap((command) =>
    command.names.flatMap((name) => [
      { words: [name], command },
      ...paths(command.commands).map((path) => ({ ...path, words: [name, ...path.words] })),
    ]),
  );
}

function namesOf(commands: readonly CompletedCommand[]): string {
  return commands.flatMap(({ names }) => names).join(' ');
}

export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const cases = paths(commands).map(({ words, command }) => {
    const flags = [...command.flags.map(({ name }) => name), '--help'].join(' ');
    const values = command.flags.filter(({ takesValue }) => takesValue).map(({ name }) => name);
    return `    ${quote(words.join(' '))}) flags=${quote(flags)} values=${quote(values.join(' '))} commands=${quote(namesOf(command.commands))} completes=${command.completes ?? "''"} ;;`;
  });
  const names = namesOf(commands);
  return `# bash completion for skep
_skep_words() {
  local flags='' values='' commands='' completes='' path=\${COMP_WORDS[1]} last=\${COMP_WORDS[COMP_CWORD-1]}
  if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$path" = help ]; }; then
    echo ${quote(`${names} help`)}
    return
  fi
  _skep_command "$path"
  if [ -n "$commands" ] && [ "$COMP_CWORD" -gt 2 ]; then
    _skep_command "$path \${COMP_WORDS[2]}"
  fi
  case " $values " in
    *" $last "*) [ "$last" = --lang ] && skep __complete templates 2>/dev/null; return ;;
  esac
  case "$current" in
    -*) echo "$flags" ;;
    *)
      echo "$commands"
      [ -z "$completes" ] || skep __complete "$completes" 2>/dev/null
      ;;
  esac
}
_skep_command() {
  case "$1" in
${cases.join('\n')}
    *) commands='' ;;
  esac
}
_skep() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=($(compgen -W "$(_skep_words)" -- "$current"))
}
complete -o default -F _skep skep`;
}

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const described = (list: readonly CompletedCommand[]): string =>
    list.flatMap(({ names, description }) => names.map((name) => quote(`${name}:${description}`))).join(' ');
  const cases = paths(commands).map(({ words, command }) => {
    const specs = command.flags.map(({ name, description, takesValue }) => {
      const text = description.replaceAll(/[[\]:\\]/g, '\\$&');
      const value = name === '--lang' ? ':template:_skep_templates' : ':value:_files';
      return quote(`*${name}[${text}]${takesValue ? value : ''}`);
    });
    const rest =
      command.commands.length > 0
        ? `own=(${described(command.commands)}); _describe command own`
        : `_arguments ${[...specs, command.completes ? `'*:name:_skep_${command.completes}'` : "'*:file:_files'"].join(' ')}`;
    return `    ${quote(words.join(' '))}) ${rest} ;;`;
  });
  const parents = commands.filter((command) => command.commands.length > 0);
  const kinds: readonly Completes[] = ['functions', 'stack', 'templates'];
  return `#compdef skep
${kinds.map((kind) => `_skep_${kind}() { compadd -- \${(f)"$(skep __complete ${kind} 2>/dev/null)"} }`).join('\n')}
_skep() {
  local -a own
  if (( CURRENT == 2 )); then
    own=(${described(commands)})
    _describe command own
    return
  fi
  # Not "path": that is the PATH of zsh.
  local at="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$at" in
    ${parents.flatMap(({ names }) => names).join('|')})
      if (( CURRENT > 2 )); then
        at="$at \${words[2]}"
        shift words
        (( CURRENT-- ))
      fi
      ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
}
compdef _skep skep`;
}

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const seen = (names: readonly string[]): string => `__fish_seen_subcommand_from ${names.join(' ')}`;
  const flagLines = (condition: string, { flags, completes }: CompletedCommand): string[] => [
    ...flags.map(({ name, description, takesValue }) => {
      const value = name === '--lang' ? ` -x -a ${quote('(skep __complete templates 2>/dev/null)')}` : ' -r';
      return `complete -c skep -n ${quote(condition)} -l ${name.slice(2)}${takesValue ? value : ''} -d ${quote(description)}`;
    }),
    ...(completes
      ? [
          `complete -c skep -f -n ${quote(condition)} -a ${quote(`(skep __complete ${completes} 2>/dev/null)`)}`,
        ]
      : []),
  ];
  const lines = commands.flatMap((command) => [
    ...command.names.map(
      (name) => `complete -c skep -f -n __fish_use_subcommand -a ${name} -d ${quote(command.description)}`,
    ),
    ...flagLines(seen(command.names), command),
    ...command.commands.flatMap((sub) => [
      ...sub.names.map((name) => {
        const open = `${seen(command.names)}; and not ${seen(command.commands.flatMap(({ names }) => names))}`;
        return `complete -c skep -f -n ${quote(open)} -a ${name} -d ${quote(sub.description)}`;
      }),
      ...flagLines(`${seen(command.names)}; and ${seen(sub.names)}`, sub),
    ]),
  ]);
  return ['# fish completion for skep', ...lines].join('\n');
}
