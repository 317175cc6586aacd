import { ContractError } from './contract-error.ts';

const POWER: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };
const MEMORY = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b|i)?$/i;
const CPU = /^(\d+(?:\.\d+)?)(m?)$/;

/** Swarm refuses less memory than this. */
const LEAST_MEMORY_BYTES = 4 * 1024 * 1024;
/** Swarm refuses less than a thousandth of a CPU. */
const LEAST_NANO_CPUS = 1e6;

/**
 * Kubernetes' units (`5Mi`, `1Gi`) and Docker's (`128m`, `512 m`, `1g`, `64MB`), or plain bytes; always powers of 1024.
 * @throws {ContractError} that names `field`
 */
export function parseMemoryBytes(text: string, field: string): number {
  const [, amount, unit = ''] = MEMORY.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(amount) * 1024 ** (POWER[unit.toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new ContractError(`${field}: ${JSON.stringify(text)} is not a size: write it as 128Mi, 128m or 1g`);
  }
  if (bytes < LEAST_MEMORY_BYTES) {
    throw new ContractError(`${field}: ${text} is less than 4Mi, the least that Swarm takes`);
  }
  return bytes;
}

/**
 * Thousandths (`100m`), cores (`0.5`, `2`), or a whole number of nano-CPUs from 1000000 up, as Swarm's providers took it.
 * @throws {ContractError} that names `field`
 */
export function parseNanoCpus(text: string, field: string): number {
  const [, amount, unit] = CPU.exec(text.trim()) ?? [];
  const value = Number(amount);
  const nanoCpus = Math.round(
    unit === 'm' ? value * 1e6 : Number.isInteger(value) && value >= 1e6 ? value : value * 1e9,
  );
  if (!Number.isSafeInteger(nanoCpus)) {
    throw new ContractError(
      `${field}: ${JSON.stringify(text)} is not a number of CPUs: write it as 100m or 0.5`,
    );
  }
  if (nanoCpus < LEAST_NANO_CPUS) {
    throw new ContractError(`${field}: ${text} is less than 1m, the least that Swarm takes`);
  }
  return nanoCpus;
}
