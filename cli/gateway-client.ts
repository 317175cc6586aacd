import { STATUS_CODES } from 'node:http';
import fetch, { type RequestInit, type Response } from 'node-fetch';
import { ConfigFile, configFolder } from './config-file.ts';
import { CliError, messageOf, systemCode } from './errors.ts';
import type { GatewayFlags } from './flags.ts';
import { chooseGateway, plainHttpWarning } from './gateway-address.ts';
import type { Shell } from './shell.ts';
import { USER_AGENT } from './version.ts';

const API_TIMEOUT_MS = 60_000;

export interface GatewayReply {
  readonly status: number;
  /** e.g. `202 Accepted` */
  readonly statusLine: string;
  readonly body: string;
}

export interface HttpCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** For the whole call, the reading of the body included. */
  readonly timeoutMs: number;
  readonly tlsNoVerify?: boolean;
  /** In place of the limit of time. */
  readonly signal?: AbortSignal;
}

/**
 * One HTTP call; redirects are not followed.
 * @throws {CliError} when nothing answers in time
 */
export async function call(url: string, options: HttpCall): Promise<Response> {
  const init: RequestInit & { tls?: { rejectUnauthorized: boolean } } = {
    method: options.method ?? 'GET',
    headers: { 'User-Agent': USER_AGENT, ...options.headers },
    redirect: 'manual',
    signal: options.signal ?? AbortSignal.timeout(options.timeoutMs),
    ...(options.body === undefined ? {} : { body: options.body }),
    // Bun's fetch reads the TLS settings from here; `agent` is not looked at.
    ...(options.tlsNoVerify ? { tls: { rejectUnauthorized: false } } : {}),
  };
  try {
    return await fetch(url, init);
  } catch (error) {
    throw unreachable(url, options.timeoutMs, error);
  }
}

/** Why a call or the reading of its answer came to nothing, and what to do. */
export function unreachable(url: string, timeoutMs: number, error: unknown): CliError {
  const { origin } = new URL(url);
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  const reason = timedOut
    ? `no answer within ${timeoutMs / 1000}s`
    : systemCode(error) === 'ECONNREFUSED'
      ? 'connection refused'
      : messageOf(error);
  return new CliError(
    `Is OpenFaaS deployed? Do you need to specify the --gateway flag?\nCannot reach ${origin}: ${reason}`,
    { cause: error },
  );
}

/** The text after a status for which the protocol has one meaning only, or undefined. */
export function unauthorised(gateway: string): CliError {
  return new CliError(
    `unauthorized access, run "faas-cli login" to setup authentication for this server\nWith Skep: skep login --gateway ${gateway}`,
  );
}

/** The control plane of one gateway, with the saved login. */
export class GatewayClient {
  readonly url: string;
  private readonly authorization: string | undefined;
  private readonly tlsNoVerify: boolean;
  private readonly timeoutMs: number;

  constructor(options: {
    url: string;
    authorization?: string | undefined;
    tlsNoVerify?: boolean;
    timeoutMs?: number | undefined;
  }) {
    this.url = options.url;
    this.authorization = options.authorization;
    this.tlsNoVerify = options.tlsNoVerify ?? false;
    this.timeoutMs = options.timeoutMs ?? API_TIMEOUT_MS;
  }

  /** The answer as it came, undecoded: for streams. */
  async open(method: string, path: string, options: Partial<HttpCall> = {}): Promise<Response> {
    return call(`${this.url}${path}`, {
      method,
      timeoutMs: this.timeoutMs,
      tlsNoVerify: this.tlsNoVerify,
      ...options,
      headers: {
        ...(this.authorization === undefined ? {} : { Authorization: this.authorization }),
        ...options.headers,
      },
    });
  }

  async request(method: string, path: string, body?: unknown): Promise<GatewayReply> {
    const response = await this.open(
      method,
      path,
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } },
    );
    try {
      return { status: response.status, statusLine: statusLine(response), body: await response.text() };
    } catch (error) {
      throw unreachable(this.url, this.timeoutMs, error);
    }
  }

  /**
   * A GET that must answer 200 with JSON.
   * @throws {CliError} for any other status, and for what is no JSON
   */
  async getJson(path: string): Promise<unknown> {
    const reply = await this.request('GET', path);
    if (reply.status === 401) throw unauthorised(this.url);
    if (reply.status !== 200) {
      throw new CliError(`Server returned unexpected status code: ${reply.status} - ${reply.body.trim()}`);
    }
    try {
      return JSON.parse(reply.body);
    } catch {
      throw new CliError(`${this.url}${path} answered something that is no JSON: is this a gateway?`);
    }
  }
}

function statusLine(response: { readonly status: number; readonly statusText: string }): string {
  return `${response.status} ${response.statusText || (STATUS_CODES[response.status] ?? '')}`.trim();
}

/** The client for a command: address by precedence, login from the config file, warning about plain http. */
export async function connect(
  shell: Shell,
  flags: GatewayFlags,
  options: { stackGateway?: string | undefined; timeoutMs?: number } = {},
): Promise<GatewayClient> {
  const url = chooseGateway({
    flag: flags.gateway,
    stackFile: options.stackGateway,
    environment: shell.env['OPENFAAS_URL'],
  });
  const warning = plainHttpWarning(url, flags);
  if (warning) shell.note(warning); // what reads stdout may be a program
  return new GatewayClient({
    url,
    authorization: await authorizationFor(shell, url, flags.token),
    tlsNoVerify: flags.tlsNoVerify,
    timeoutMs: options.timeoutMs,
  });
}

async function authorizationFor(shell: Shell, url: string, token?: string): Promise<string | undefined> {
  if (token) return `Bearer ${token}`;
  const login = await new ConfigFile(configFolder(shell)).find(url);
  if (!login) return undefined;
  return `${login.kind === 'basic' ? 'Basic' : 'Bearer'} ${login.token}`;
}
