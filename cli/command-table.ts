import type { Command } from 'commander';
import type { Shell } from './shell.ts';

export interface CommandModule {
  /** Adds arguments, flags, examples and the action to a command that has name and description. */
  define(command: Command, shell: Shell): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly description: string;
  /** Works, and is not shown: for scripts that know it from faas-cli. */
  readonly isHidden?: boolean;
  /** Loaded only when the command runs, so that start-up stays quick. */
  load(): Promise<CommandModule>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'new', description: 'Start a function from a template', load: () => import('./commands/new.ts') },
  {
    name: 'validate',
    description: 'Say what is wrong with a stack file',
    load: () => import('./commands/validate.ts'),
  },
  { name: 'build', description: 'Build function images', load: () => import('./commands/build.ts') },
  {
    name: 'push',
    description: 'Push function images to their registry',
    load: () => import('./commands/push.ts'),
  },
  {
    name: 'publish',
    description: 'Build and push images for several platforms, with buildx',
    load: () => import('./commands/publish.ts'),
  },
  {
    name: 'deploy',
    description: 'Deploy functions to the gateway',
    load: () => import('./commands/deploy.ts'),
  },
  { name: 'up', description: 'Build, push and deploy', load: () => import('./commands/up.ts') },
  {
    name: 'dev',
    description: 'Run the functions here without Docker, and reload them as you edit',
    load: () => import('./commands/dev.ts'),
  },
  {
    name: 'local-run',
    description: 'Run a function in a container here, without a gateway',
    load: () => import('./commands/local-run.ts'),
  },
  {
    name: 'remove',
    aliases: ['rm', 'delete'],
    description: 'Remove deployed functions',
    load: () => import('./commands/remove.ts'),
  },
  {
    name: 'list',
    aliases: ['ls'],
    description: 'List deployed functions',
    load: () => import('./commands/list.ts'),
  },
  {
    name: 'diff',
    description: 'Compare the stack file with what is deployed',
    load: () => import('./commands/diff.ts'),
  },
  {
    name: 'describe',
    description: 'Show one function in detail',
    load: () => import('./commands/describe.ts'),
  },
  {
    name: 'invoke',
    description: 'Call a function with stdin as its input',
    load: () => import('./commands/invoke.ts'),
  },
  {
    name: 'calls',
    description: 'Show what has become of asynchronous calls',
    load: () => import('./commands/calls.ts'),
  },
  {
    name: 'cancel',
    description: 'Cancel asynchronous calls',
    load: () => import('./commands/cancel.ts'),
  },
  {
    name: 'redrive',
    description: 'Send dead calls again',
    load: () => import('./commands/redrive.ts'),
  },
  { name: 'logs', description: 'Show the logs of functions', load: () => import('./commands/logs.ts') },
  {
    name: 'top',
    description: 'Watch rate, errors, durations and replicas of functions',
    load: () => import('./commands/top.ts'),
  },
  { name: 'scale', description: 'Set the number of replicas', load: () => import('./commands/scale.ts') },
  {
    name: 'secret',
    description: 'Create, update, remove, list, apply and generate secrets',
    load: () => import('./commands/secret.ts'),
  },
  {
    name: 'namespace',
    aliases: ['ns'],
    description: 'List, show, create, update and remove namespaces',
    load: () => import('./commands/namespace.ts'),
  },
  {
    name: 'admin',
    description: 'Health of the platform, and its password',
    load: () => import('./commands/admin.ts'),
  },
  {
    name: 'ready',
    description: 'Wait until the gateway or a function is ready',
    load: () => import('./commands/ready.ts'),
  },
  {
    name: 'login',
    description: 'Save the credentials of a gateway',
    load: () => import('./commands/login.ts'),
  },
  {
    name: 'logout',
    description: 'Forget the credentials of a gateway',
    load: () => import('./commands/logout.ts'),
  },
  {
    name: 'registry-login',
    description: 'Write the credentials of a registry for a builder',
    load: () => import('./commands/registry-login.ts'),
  },
  {
    name: 'generate',
    description: 'Print functions as Kubernetes resources',
    load: () => import('./commands/generate.ts'),
  },
  {
    name: 'template',
    description: 'Fetch templates from repositories and stores',
    load: () => import('./commands/template.ts'),
  },
  {
    name: 'store',
    description: 'Find functions in a store, and deploy them',
    load: () => import('./commands/store.ts'),
  },
  {
    name: 'plugin',
    description: 'Fetch plugins, which are commands of their own',
    load: () => import('./commands/plugin.ts'),
  },
  {
    name: 'version',
    description: 'Show the versions of CLI and gateway',
    load: () => import('./commands/version.ts'),
  },
  {
    name: 'completion',
    description: 'Print a completion script for your shell',
    load: () => import('./commands/completion.ts'),
  },
  { name: 'chart', description: 'Not here', isHidden: true, load: () => import('./commands/chart.ts') },
  {
    name: 'namespaces',
    description: 'List namespaces',
    isHidden: true,
    load: () => import('./commands/namespaces.ts'),
  },
  {
    name: 'bashcompletion',
    description: 'Write a completion script for bash',
    isHidden: true,
    load: () => import('./commands/bashcompletion.ts'),
  },
  {
    name: 'print-token',
    description: 'Print what a JWT says',
    isHidden: true,
    load: () => import('./commands/print-token.ts'),
  },
  {
    name: '__complete',
    description: 'Words for the completion scripts',
    isHidden: true,
    load: () => import('./commands/complete.ts'),
  },
];
