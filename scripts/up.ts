// `npm run up`: from a clean checkout to a running platform with one function that answers.
import { join, relative } from 'node:path';
import { bringUp, type Platform } from './bring-up.ts';
import {
  callFirstFunction,
  deployFirstFunction,
  FIRST_FUNCTION,
  firstCall,
} from './platform/first-function.ts';
import { describeFailure, Problem } from './shell/problem.ts';
import { Progress } from './shell/progress.ts';

const HELP = `npm run up

Brings Skep up on this machine: Docker engine, swarm, credentials, images, the stack of stack.yml, and a first function.
What is there already is left alone; a second run takes seconds.

Environment:
  DOCKER_HOST            an engine elsewhere
  SKEP_HOME              folder of the admin's password (default ~/.skep)
  SKEP_ADVERTISE_ADDR    this machine's address in a new swarm (default 127.0.0.1: a swarm of one)
  SKEP_GATEWAY_PORT      8080
  SKEP_PROMETHEUS_PORT   9090
  SKEP_GRAFANA_PORT      3000
  SKEP_REGISTRY          1: a registry for the swarm's own images, on each node as 127.0.0.1:5000; 0: none; default: as it is
  SKEP_REGISTRY_PORT     5000
  SKEP_REGISTRY_NODE     the constraint of the node that has the registry's images, 'node.hostname == NAME'; default: as it is, this one at first
  SKEP_QUEUE_WORKERS     1, replicas of the queue worker
  NO_COLOR               no colours

npm run down removes it again.`;

const root = join(import.meta.dirname, '..');
try {
  const [argument] = process.argv.slice(2);
  if (argument === '--help' || argument === '-h') {
    console.log(HELP);
  } else if (argument !== undefined) {
    throw new Problem(`up takes no ${argument}`, HELP);
  } else {
    await up();
  }
} catch (error) {
  console.error(`\n${describeFailure(error)}`);
  process.exitCode = 1;
}

async function up(): Promise<void> {
  const startedMs = performance.now();
  const progress = new Progress(process.stdout, process.env);
  const platform = await bringUp(root, progress);
  const target = { root, gateway: platform.gateway };
  await progress.step(`building and deploying ${FIRST_FUNCTION}`, () => deployFirstFunction(target));
  const answer = await progress.step(`calling ${FIRST_FUNCTION}`, () => callFirstFunction(target));
  console.log(summary(platform, answer, (performance.now() - startedMs) / 1000));
}

function summary(platform: Platform, answer: string, seconds: number): string {
  const { gateway, passwordFile, hasGrafana, registryPort } = platform;
  const registry =
    registryPort === undefined
      ? ''
      : `\n  Registry     127.0.0.1:${registryPort}, on every node: image: 127.0.0.1:${registryPort}/NAME`;
  const portOf = (service: string) => platform.ports.find((it) => it.service === service)?.port;
  const urlOf = (service: string) => gateway.replace(/:\d+$/, `:${portOf(service)}`);
  const skep = relative(process.cwd(), join(root, 'dist', 'skep'));
  return `
Skep is up after ${seconds.toFixed(0)} s. ${FIRST_FUNCTION} said: ${answer}

  Gateway      ${gateway}
  Prometheus   ${urlOf('prometheus')}
  Grafana      ${hasGrafana ? urlOf('grafana') : 'left out, its image cannot be had here'}${registry}
  Admin        user admin, password in ${passwordFile}
               ${skep} is logged in; elsewhere: skep login --gateway ${gateway} --password-stdin < ${passwordFile}

Try next
  ${firstCall(gateway)}
  export PATH="${join(root, 'dist')}:$PATH"
  mkdir first && cd first && skep new hello --lang node && skep up -f stack.yaml && echo hi | skep invoke hello`;
}
