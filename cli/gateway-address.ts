import { CliError } from './errors.ts';

export const DEFAULT_GATEWAY = 'http://127.0.0.1:8080';

/**
 * Picks the gateway: flag, then stack file, then OPENFAAS_URL, then the default; a flag or stack file that repeats the
 * default does not count.
 * @throws {CliError} for what is no http(s) address
 */
export function chooseGateway(sources: {
  readonly flag: string;
  readonly stackFile?: string | undefined;
  readonly environment?: string | undefined;
}): string {
  const { flag, stackFile, environment } = sources;
  if (flag !== '' && flag !== DEFAULT_GATEWAY) return normaliseGateway(flag);
  if (stackFile && stackFile !== DEFAULT_GATEWAY) return normaliseGateway(stackFile);
  return normaliseGateway(environment || DEFAULT_GATEWAY);
}

/** No trailing slash, lower case, `http://` where no scheme is given: also the key of the config file. */
export function normaliseGateway(address: string): string {
  const trimmed = address.trim().replace(/\/+$/, '').toLowerCase();
  const url = /^[a-z][a-z0-9+.-]*:\/\//.test(trimmed) ? trimmed : `http://${trimmed}`;
  let parsed: URL;
  try {
    parsed = new URL(url);
    if (/^https?:$/.test(trimmed)) throw new Error('no host');
  } catch {
    throw new CliError(`"${address}" is no gateway address: expected something like ${DEFAULT_GATEWAY}`);
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new CliError(`"${address}" is no gateway address: it must begin with http:// or https://`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new CliError('the gateway address must not hold a user or password: use "skep login" for those');
  }
  return url;
}

export function isLocalGateway(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '127.0.0.1';
}

/** The warning that faas-cli prints for plain http to another machine, or undefined. */
export function plainHttpWarning(url: string, { tlsNoVerify }: { tlsNoVerify: boolean }): string | undefined {
  if (!url.startsWith('http://') || isLocalGateway(url) || tlsNoVerify) return undefined;
  return 'WARNING! You are not using an encrypted connection to the gateway, consider using HTTPS.';
}
