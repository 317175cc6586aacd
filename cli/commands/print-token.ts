import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError, fileError } from '../errors.ts';
import type { Shell } from '../shell.ts';

export function define(command: Command, shell: Shell): void {
  command.argument('<file>', 'a file that holds a JWT');
  command.addHelpText(
    'after',
    '\nPrints what a token says. Its signature is not checked.\n\nExamples:\n  skep print-token ./token.txt',
  );
  command.action(async (file: string) => {
    const text = await readFile(resolve(shell.cwd, file), 'utf8').catch((error: unknown) => {
      throw fileError('read', file, error);
    });
    const parts = text.trim().split('.');
    if (parts.length !== 3) throw new CliError(`token should have 3 parts, got ${parts.length}`);
    const [header = '', payload = ''] = parts;
    shell.out(
      JSON.stringify({ header: decode(header, 'header'), payload: decode(payload, 'payload') }, undefined, 2),
    );
  });
}

function decode(part: string, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    throw new CliError(`the ${name} of the token is no JSON in base64: is this a JWT?`);
  }
}
