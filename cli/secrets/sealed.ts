import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  generateKeyPair,
  keyId,
  parsePublicKey,
  SECRETS_ENTRY,
  sealSecrets,
  unsealSecrets,
} from '../../contract/sealed-secrets.ts';
import { CliError, fileError, messageOf, systemCode } from '../errors.ts';
import { listFlag, parsePairs, switchFlag } from '../flags.ts';
import type { Shell } from '../shell.ts';

/** `secret keygen`, `seal` and `unseal`: secrets for the time of a build, which only the builder can open. */
export function defineSealedSecrets(parent: Command, shell: Shell): void {
  defineKeygen(parent, shell);
  defineSeal(parent, shell);
  defineUnseal(parent, shell);
}

function defineKeygen(parent: Command, shell: Shell): void {
  const command = parent.command('keygen').description('Make a pair of keys for build secrets');
  command.option('-o, --output <path>', 'private key; the public one is beside it, with .pub', 'key');
  command.addHelpText(
    'after',
    "\nThe private key is the builder's (the gateway's secret builder-key), the public one is for those who seal.\n\nExamples:\n  skep secret keygen\n  skep secret keygen -o ./keys/builder",
  );
  command.action(async () => {
    const { output } = command.opts<{ output: string }>();
    const pair = generateKeyPair();
    await write(shell, output, pair.privateKey, { mode: 0o600, isNew: true });
    await write(shell, `${output}.pub`, pair.publicKey, { mode: 0o644 });
    shell.out(`Wrote private key: ${output}`);
    shell.out(`Wrote public key:  ${output}.pub`);
    shell.out(`Key ID:            ${keyId(pair.publicKey)}`);
  });
}

function defineSeal(parent: Command, shell: Shell): void {
  const command = parent
    .command('seal')
    .description('Seal values for a builder, to be sent with a build')
    .argument('[public-key]', 'file with the public key, or what GET /publickey answers');
  listFlag(command, '--from-literal <key=value>', 'a value as it stands');
  listFlag(command, '--from-file <key=path>', 'the bytes of a file');
  command.option('-o, --output <path>', 'file to write', SECRETS_ENTRY);
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret seal key.pub --from-literal token=VALUE\n  skep secret seal key.pub --from-file npmrc=$HOME/.npmrc -o ./com.openfaas.secrets',
  );
  command.action(async (keyFile: string | undefined) => {
    const { output, fromLiteral, fromFile } = command.opts<{
      output: string;
      fromLiteral: readonly string[];
      fromFile: readonly string[];
    }>();
    if (keyFile === undefined)
      throw new CliError('give the file of the public key: skep secret seal key.pub …');
    const literals = Object.entries(parsePairs(fromLiteral, '--from-literal'));
    const files = Object.entries(parsePairs(fromFile, '--from-file'));
    if (literals.length + files.length === 0)
      throw new CliError('Provide at least one secret via --from-literal or --from-file');
    const twice = literals.find(([name]) => files.some(([other]) => other === name));
    if (twice !== undefined) throw new CliError(`"${twice[0]}" is given twice: as a literal and as a file`);
    const publicKey = of(keyFile, parsePublicKey, await readText(shell, keyFile));
    const values: [string, Uint8Array][] = literals.map(([name, text]) => [name, Buffer.from(text)]);
    for (const [name, path] of files) values.push([name, await readBytes(shell, path)]);
    const sealed = sealSecrets(publicKey, Object.fromEntries(values));
    await write(shell, output, sealed, { mode: 0o600 });
    shell.out(`Sealed ${values.length} secret(s) to ${output} (key ID: ${keyId(publicKey)})`);
  });
}

function defineUnseal(parent: Command, shell: Shell): void {
  const command = parent
    .command('unseal')
    .description('Open a sealed file, to see what is in it')
    .argument('[private-key]', 'file with the private key');
  command.option('--in <path>', 'sealed file', SECRETS_ENTRY);
  command.option('--key <name>', 'one value alone, its bytes as they are');
  switchFlag(command, '-j, --json', 'as JSON');
  command.addHelpText(
    'after',
    '\nExamples:\n  skep secret unseal key\n  skep secret unseal key --key token\n  skep secret unseal key --in ./com.openfaas.secrets --json',
  );
  command.action(async (keyFile: string | undefined) => {
    const { in: file, key, json } = command.opts<{ in: string; key?: string; json: boolean }>();
    if (keyFile === undefined) throw new CliError('give the file of the private key: skep secret unseal key');
    const [privateKey, sealed] = [await readText(shell, keyFile), await readText(shell, file)];
    const values = of(file, (text) => unsealSecrets(text, privateKey), sealed);
    if (key !== undefined) {
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value === undefined) throw new CliError(`Key "${key}" not found in sealed envelope`);
      await shell.write(value);
      return;
    }
    const texts = Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString('utf8')]);
    if (json) shell.out(JSON.stringify(Object.fromEntries(texts), undefined, 2));
    else for (const [name, text] of texts) shell.out(`${name}=${text}`);
  });
}

/** What is wrong with a file's content, with the file's name. */
function of<T>(file: string, parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw new CliError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function readBytes(shell: Shell, path: string): Promise<Buffer> {
  return readFile(resolve(shell.cwd, path)).catch((error: unknown) => {
    throw fileError('read', path, error);
  });
}

async function readText(shell: Shell, path: string): Promise<string> {
  return (await readBytes(shell, path)).toString('utf8');
}

/** @param isNew never over a file: what was sealed for a key is lost with it */
async function write(
  shell: Shell,
  path: string,
  text: string,
  { mode, isNew = false }: { readonly mode: number; readonly isNew?: boolean },
): Promise<void> {
  const target = resolve(shell.cwd, path);
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text, { mode, flag: isNew ? 'wx' : 'w' });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw new CliError(
        `cannot write ${path}: it exists, and what was sealed for it could never be opened again. Remove it first, or choose another --output`,
      );
    }
    throw fileError('write', path, error);
  }
}
