/** What the scripts are made of: a command with its aliases and flags. */
export interface CompletedCommand {
  readonly names: readonly string[];
  readonly description: string;
  readonly flags: readonly {
    readonly name: string;
    readonly description: string;
    readonly takesValue: boolean;
  }[];
}

/** Single-quoted for any of the three shells. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.flatMap((command) => command.names).join(' ');
  const cases = commands.map(
    ({ names: own, flags }) =>
      `    ${own.join('|')}) words="${flags.map((flag) => flag.name).join(' ')} --help" ;;`,
  );
  return `# bash completion for skep
_skep() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${names} help"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    help) words="${names}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _skep skep`;
}

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const list = commands.flatMap(({ names, description }) =>
    names.map((name) => `    ${quote(`${name}:${description}`)}`),
  );
  const cases = commands.map(({ names, flags }) => {
    const specs = flags.map(({ name, description, takesValue }) => {
      const text = description.replaceAll(/[[\]:\\]/g, '\\$&');
      return quote(`*${name}[${text}]${takesValue ? ':value:_files' : ''}`);
    });
    return `    ${names.join('|')}) _arguments ${[...specs, "'*:file:_files'"].join(' ')} ;;`;
  });
  return `#compdef skep
_skep() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local name="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
}
compdef _skep skep`;
}

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ names, description, flags }) => [
    ...names.map(
      (name) => `complete -c skep -f -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
    ),
    ...flags.map(({ name, description: text, takesValue }) => {
      const when = quote(`__fish_seen_subcommand_from ${names.join(' ')}`);
      return `complete -c skep -n ${when} -l ${name.slice(2)}${takesValue ? ' -r' : ''} -d ${quote(text)}`;
    }),
  ]);
  return ['# fish completion for skep', ...lines].join('\n');
}
