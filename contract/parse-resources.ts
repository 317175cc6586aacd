import { ContractError } from './contract-error.ts';
import type { FunctionResources } from './function-types.ts';
import { type JsonObject, optionalString, ownValue, parseObject } from './parse-json.ts';

const KIB = 1024;
/** Kubernetes' suffixes (`Mi` binary, `M` decimal) and Docker's (`m`, `mb`: binary). No suffix: bytes. */
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: KIB,
  kb: KIB,
  Ki: KIB,
  K: 1e3,
  m: KIB ** 2,
  mb: KIB ** 2,
  Mi: KIB ** 2,
  M: 1e6,
  g: KIB ** 3,
  gb: KIB ** 3,
  Gi: KIB ** 3,
  G: 1e9,
  t: KIB ** 4,
  tb: KIB ** 4,
  Ti: KIB ** 4,
  T: 1e12,
};
const MEMORY = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-zA-Z]{0,2})$/;
const MILLI_CPUS = /^(\d{1,9})m$/;
const CPUS = /^\d{1,6}(?:\.\d{1,9})?$/;
const NANOS_PER_CPU = 1e9;
const NANOS_PER_MILLI_CPU = 1e6;
/** From here on a plain whole number is taken as nano-CPUs, as the Swarm generation of OpenFaaS wrote them. */
const LEAST_NANO_CPUS = 1_000_000;

/** `5Mi`, `128m`, `1g`, `512 m`, `1048576` in bytes. @throws {ContractError} */
export function parseMemoryBytes(text: string, field = 'memory'): number {
  const [, amount, unit = ''] = MEMORY.exec(text) ?? [];
  const bytesPerUnit = Object.hasOwn(BYTES_PER_UNIT, unit) ? BYTES_PER_UNIT[unit] : undefined;
  const bytes = Math.round(Number(amount) * (bytesPerUnit ?? Number.NaN));
  if (!(bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new ContractError(
      `${field}: expected an amount of memory such as 128Mi, 1Gi or 256m, not ${quote(text)}`,
    );
  }
  return bytes;
}

/** `100m` (thousandths of a CPU), `0.5`, `2`, or 1000000 and more (nano-CPUs), in nano-CPUs. @throws {ContractError} */
export function parseNanoCpus(text: string, field = 'cpu'): number {
  const nanos = toNanoCpus(text);
  if (!(nanos > 0 && nanos <= Number.MAX_SAFE_INTEGER)) {
    throw new ContractError(
      `${field}: expected CPUs such as 100m, 0.5 or 2, or nano-CPUs from ${LEAST_NANO_CPUS}, not ${quote(text)}`,
    );
  }
  return nanos;
}

function toNanoCpus(text: string): number {
  const milli = MILLI_CPUS.exec(text)?.[1];
  if (milli !== undefined) return Number(milli) * NANOS_PER_MILLI_CPU;
  if (CPUS.test(text) && Number(text) < LEAST_NANO_CPUS) return Math.round(Number(text) * NANOS_PER_CPU);
  return /^\d{7,15}$/.test(text) ? Number(text) : Number.NaN;
}

/** The strings as they came, once they are known to mean something; undefined when there is nothing in it. */
export function optionalResources(object: JsonObject, key: string): FunctionResources | undefined {
  const value = ownValue(object, key);
  if (value === undefined || value === null) return undefined;
  const resources = parseObject(value, key);
  const memory = optionalString(resources, 'memory', `${key}.memory`);
  const cpu = optionalString(resources, 'cpu', `${key}.cpu`);
  if (memory !== undefined) parseMemoryBytes(memory, `${key}.memory`);
  if (cpu !== undefined) parseNanoCpus(cpu, `${key}.cpu`);
  if (memory === undefined && cpu === undefined) return undefined;
  return { ...(memory !== undefined && { memory }), ...(cpu !== undefined && { cpu }) };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
