import { homedir } from 'node:os';
import { CountedOutput } from './counted-output.ts';
import { CliError } from './errors.ts';
import { paintFor, type Shell } from './shell.ts';
import { isUnicode, statusLine } from './status-line.ts';

/** The shell of this process. */
export function processShell(): Shell {
  const isTerminal = process.stdout.isTTY === true;
  const showsStatus = isTerminal && process.env['TERM'] !== 'dumb';
  const status = statusLine(process.stdout, { isUnicode: isUnicode(process.env) });
  const clearStatus = (): void => status.clear();
  process.on('exit', clearStatus);
  const stdout = new CountedOutput(process.stdout);
  return {
    env: process.env,
    cwd: process.cwd(),
    home: process.env['HOME'] || homedir(),
    isTerminal,
    stdinIsTerminal: process.stdin.isTTY === true,
    paint: paintFor(isTerminal, process.env),
    out: (line) => {
      clearStatus();
      stdout.write(`${line}\n`);
    },
    backlog: stdout,
    status: (line) => {
      if (line === '') clearStatus();
      else if (showsStatus) status.show(line);
    },
    live: liveLines(isTerminal),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        clearStatus();
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    note: (line) => {
      clearStatus();
      process.stderr.write(`${line}\n`);
    },
    readStdin,
    askSecret,
  };
}

/** log-update is loaded with the first lines: most commands have none. */
function liveLines(isTerminal: boolean): Shell['live'] {
  let drawing: Promise<{ (text: string): void; done(): void }> | undefined;
  return (lines) => {
    if (!isTerminal) return;
    drawing ??= import('log-update').then(({ createLogUpdate }) => createLogUpdate(process.stdout));
    void drawing.then((draw) => (lines === undefined ? draw.done() : draw(lines.join('\n'))));
  };
}

async function readStdin(atMost: number, advice: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > atMost) throw new CliError(`stdin holds more than ${atMost} bytes: ${advice}`);
  }
  return Buffer.concat(chunks);
}

function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let typed = '';
    const finish = (settle: () => void): void => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    };
    const onData = (text: string): void => {
      for (const char of text) {
        if (char === '\r' || char === '\n' || char === '\u0004') {
          finish(() => resolve(typed));
          return;
        }
        if (char === '\u0003') {
          finish(() => reject(new CliError('Interrupted', { exitCode: 130 })));
          return;
        }
        typed = char === '\u007f' || char === '\b' ? typed.slice(0, -1) : typed + char;
      }
    };
    stdin.on('data', onData);
    stdin.resume();
  });
}
