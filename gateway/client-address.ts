/** By which the data plane tells the control plane who calls: `ADDRESS:PORT`. A client's own field of that name is dropped. */
export const CLIENT_HEADER = 'x-skep-client';

/** @returns the address alone; empty where nobody told it */
export function addressOf(client: string): string {
  return client.replace(/:\d+$/, '');
}
