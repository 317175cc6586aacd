import type { Command } from 'commander';
import { listFunctions } from '../function-listing.ts';
import { DEFAULT_GATEWAY } from '../gateway-address.ts';
import { connect } from '../gateway-client.ts';
import { gatewayFromStack, loadStack } from '../load-stack.ts';
import type { Shell } from '../shell.ts';
import { templateNames } from '../templates/find-template.ts';

/** Nobody waits longer for a word. */
const PATIENCE_MS = 1500;

export function define(command: Command, shell: Shell): void {
  command.argument('<kind>', 'functions, stack or templates');
  command.addHelpText('after', '\nFor the completion scripts.\n\nExamples:\n  skep __complete functions');
  command.action(async (kind: string) => {
    const silent = { ...shell, out: () => {}, note: () => {} };
    // Who presses TAB asked for no error: without an answer there is nothing to choose from.
    const words = await wordsOf(silent, kind).catch((): readonly string[] => []);
    for (const word of words) shell.out(word);
  });
}

async function wordsOf(shell: Shell, kind: string): Promise<readonly string[]> {
  switch (kind) {
    case 'functions': {
      const stackGateway = await gatewayFromStack(shell, {});
      const flags = { gateway: DEFAULT_GATEWAY, tlsNoVerify: false };
      const gateway = await connect(shell, flags, { stackGateway, timeoutMs: PATIENCE_MS });
      return (await listFunctions(gateway, '')).map(({ name }) => name).sort();
    }
    case 'stack':
      return ((await loadStack(shell, {}, { quiet: true }))?.functions ?? []).map(({ name }) => name);
    case 'templates':
      return templateNames(shell);
    default:
      return [];
  }
}
