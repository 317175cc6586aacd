import { CliError } from './errors.ts';
import { isListedFunction, type ListedFunction } from './function-listing.ts';
import { type GatewayClient, unauthorised } from './gateway-client.ts';

/** The gateway is well, and has no such function. */
export class NoSuchFunctionError extends CliError {}

/** GET /system/function/NAME. @throws {NoSuchFunctionError} {CliError} */
export async function readFunction(
  gateway: GatewayClient,
  name: string,
  namespace: string,
  query = '',
): Promise<ListedFunction> {
  const path = `/system/function/${encodeURIComponent(name)}?namespace=${encodeURIComponent(namespace)}${query}`;
  const reply = await gateway.request('GET', path);
  if (reply.status === 404)
    throw new NoSuchFunctionError(`No such function: ${name}${namespace === '' ? '' : `.${namespace}`}`);
  if (reply.status === 401) throw unauthorised(gateway.url);
  if (reply.status !== 200) {
    throw new CliError(`Server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(reply.body);
  } catch {
    // told below, with everything else that is no function
  }
  if (!isListedFunction(answer)) throw new CliError(`${gateway.url} answered something that is no function`);
  return answer;
}
