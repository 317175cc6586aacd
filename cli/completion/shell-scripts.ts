/** What words an argument is chosen from that only a gateway, a stack file or the templates can tell. */
export type Completes = 'functions' | 'stack' | 'templates';

export interface CompletedFlag {
  /** e.g. `--namespace` */
  readonly name: string;
  /** e.g. `-n` */
  readonly short?: string | undefined;
  readonly description: string;
  readonly takesValue: boolean;
  /** What its value is one of; empty: it is free. */
  readonly choices: readonly string[];
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

/** Those that are nothing without one of their own, as `paths` has them. */
function parentsOf(commands: readonly CompletedCommand[]): string[] {
  return paths(commands).flatMap(({ words, command }) =>
    command.commands.length > 0 ? [quote(words.join(' '))] : [],
  );
}

function namesOf(commands: readonly CompletedCommand[]): string {
  return commands.flatMap(({ names }) => names).join(' ');
}

export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const cases = paths(commands).map(({ words, command }) => {
    const flags = [...command.flags.map(({ name }) => name), '--help'].join(' ');
    const values = command.flags.flatMap(({ name, short, takesValue }) =>
      takesValue ? [name, ...(short ? [short] : [])] : [],
    );
    const choices = command.flags.flatMap(({ name, short, choices }) =>
      choices.length > 0
        ? [name, ...(short ? [short] : [])].map((flag) => `${flag}=${choices.join(',')}`)
        : [],
    );
    return `    ${quote(words.join(' '))}) flags=${quote(flags)} values=${quote(values.join(' '))} choices=${quote(choices.join(' '))} commands=${quote(namesOf(command.commands))} completes=${command.completes ?? "''"} ;;`;
  });
  const names = namesOf(commands);
  return `# bash completion for skep
_skep_words() {
  local flags='' values='' choices='' commands='' completes='' each at=1 last=\${COMP_WORDS[COMP_CWORD-1]}
  [ "\${COMP_WORDS[1]}" = help ] && [ "$COMP_CWORD" -gt 1 ] && at=2
  if [ "$COMP_CWORD" -eq "$at" ]; then
    echo ${quote(`${names} help`)}
    return
  fi
  local path=\${COMP_WORDS[at]} helps=$((at - 1))
  _skep_command "$path"
  while [ -n "$commands" ] && [ "$COMP_CWORD" -gt "$((at + 1))" ]; do
    at=$((at + 1))
    path="$path \${COMP_WORDS[at]}"
    _skep_command "$path"
  done
  if [ "$helps" -eq 1 ]; then
    echo "$commands"
    return
  fi
  # "=" is a word of its own.
  [ "$last" = = ] && last=\${COMP_WORDS[COMP_CWORD-2]}
  case " $values " in
    *" $last "*)
      [ "$last" = --lang ] && skep __complete templates 2>/dev/null
      for each in $choices; do
        [ "\${each%%=*}" = "$last" ] && each=\${each#*=} && echo "\${each//,/ }"
      done
      return
      ;;
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
  [ "$current" = = ] && current=''
  COMPREPLY=($(compgen -W "$(_skep_words)" -- "$current"))
}
complete -o default -F _skep skep`;
}

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const described = (list: readonly CompletedCommand[]): string =>
    list.flatMap(({ names, description }) => names.map((name) => quote(`${name}:${description}`))).join(' ');
  const cases = paths(commands).map(({ words, command }) => {
    const specs = command.flags.map(({ name, description, takesValue, choices }) => {
      const text = description.replaceAll(/[[\]:\\]/g, '\\$&');
      const chosen = choices.length > 0 ? `:value:(${choices.join(' ')})` : ':value:_files';
      const value = name === '--lang' ? ':template:_skep_templates' : chosen;
      return quote(`*${name}${takesValue ? '=' : ''}[${text}]${takesValue ? value : ''}`);
    });
    const rest =
      command.commands.length > 0
        ? `own=(${described(command.commands)}); _describe command own`
        : `(( helps )) || _arguments ${[...specs, command.completes ? `'*:name:_skep_${command.completes}'` : "'*:file:_files'"].join(' ')}`;
    return `    ${quote(words.join(' '))}) ${rest} ;;`;
  });
  const kinds: readonly Completes[] = ['functions', 'stack', 'templates'];
  return `#compdef skep
${kinds.map((kind) => `_skep_${kind}() { compadd -- \${(f)"$(skep __complete ${kind} 2>/dev/null)"} }`).join('\n')}
_skep() {
  local -a own
  local -i helps=0
  if (( CURRENT > 2 )) && [[ "\${words[2]}" = help ]]; then
    helps=1
    shift words
    (( CURRENT-- ))
  fi
  if (( CURRENT == 2 )); then
    own=(${described(commands)} 'help:Show help for a command')
    _describe command own
    return
  fi
  # Not "path": that is the PATH of zsh.
  local at="\${words[2]}"
  shift words
  (( CURRENT-- ))
  while (( CURRENT > 2 )); do
    case "$at" in
      ${parentsOf(commands).join('|')}) at="$at \${words[2]}" ;;
      *) break ;;
    esac
    shift words
    (( CURRENT-- ))
  done
  case "$at" in
${cases.join('\n')}
  esac
}
# Loaded from a folder of functions, this is what the first TAB runs; sourced, it only says who completes.
if [[ "\${funcstack[1]}" = _skep ]]; then _skep "$@"; else compdef _skep skep; fi`;
}

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const seen = (names: readonly string[]): string => `__fish_seen_subcommand_from ${names.join(' ')}`;
  const all = commands.flatMap(({ names }) => names);
  const flagLines = (condition: string, { flags, completes }: CompletedCommand): string[] => [
    ...flags.map(({ name, description, takesValue, choices }) => {
      const words = name === '--lang' ? '(skep __complete templates 2>/dev/null)' : choices.join(' ');
      const value = words === '' ? ' -r' : ` -x -a ${quote(words)}`;
      return `complete -c skep -n ${quote(condition)} -l ${name.slice(2)}${takesValue ? value : ''} -d ${quote(description)}`;
    }),
    ...(completes
      ? [
          `complete -c skep -f -n ${quote(condition)} -a ${quote(`(skep __complete ${completes} 2>/dev/null)`)}`,
        ]
      : []),
  ];
  /** @param inside the condition under which the command's own are open; of those at the top fish knows itself */
  const linesOf = (command: CompletedCommand, inside: string, open: string): string[] => {
    const within = [inside, seen(command.names)].filter(Boolean).join('; and ');
    const openOwn = `${within}; and not ${seen(command.commands.flatMap(({ names }) => names))}`;
    return [
      ...command.names.map(
        (name) => `complete -c skep -f -n ${quote(open)} -a ${name} -d ${quote(command.description)}`,
      ),
      ...flagLines(within, command),
      ...command.commands.flatMap((own) => linesOf(own, within, openOwn)),
    ];
  };
  return [
    '# fish completion for skep',
    ...commands.flatMap((command) => linesOf(command, '', '__fish_use_subcommand')),
    `complete -c skep -f -n __fish_use_subcommand -a help -d 'Show help for a command'`,
    `complete -c skep -f -n ${quote(`${seen(['help'])}; and not ${seen(all)}`)} -a ${quote(all.join(' '))}`,
  ].join('\n');
}
