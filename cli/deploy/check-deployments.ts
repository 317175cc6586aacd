import { ContractError } from '../../contract/contract-error.ts';
import type { FunctionDeployment } from '../../contract/function-types.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import { parseMemoryBytes, parseNanoCpus } from '../../contract/parse-quantity.ts';
import { CliError } from '../errors.ts';

/**
 * Reads the deployments as the gateway will: one that it would refuse keeps all of them here.
 * @throws {CliError} with a line for each function that is wrong
 */
export function checkDeployments(deployments: readonly FunctionDeployment[]): void {
  const problems = deployments.flatMap((deployment) => {
    try {
      const { limits, requests } = parseDeployment(deployment);
      for (const [field, { memory, cpu } = {}] of [
        ['limits', limits],
        ['requests', requests],
      ] as const) {
        if (memory !== undefined) parseMemoryBytes(memory, `${field}.memory`);
        if (cpu !== undefined) parseNanoCpus(cpu, `${field}.cpu`);
      }
      return [];
    } catch (error) {
      if (error instanceof ContractError) return [`${deployment.service}: ${error.message}`];
      throw error;
    }
  });
  if (problems.length > 0) throw new CliError(`Nothing was deployed:\n${problems.join('\n')}`);
}
