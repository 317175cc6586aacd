import type { Contract } from './contract.ts';

export interface Exception {
  /** Whose contract it is an exception from. */
  readonly of: readonly Contract[];
  readonly why: string;
}

const BOTH = ['classic', 'of-watchdog'] as const;

/**
 * Where Skep's watchdog does otherwise than OpenFaaS's on purpose. Each is a case in this suite, which holds for ours and not for
 * the other; `docs/watchdog.md` lists them under the same names.
 */
export const EXCEPTIONS = {
  'bad value': { of: BOTH, why: 'a typing error must not run for months' },
  'start failure': {
    of: BOTH,
    why: 'a watchdog that can not become healthy ends with 1 and says why',
  },
  'suppressed lock': { of: BOTH, why: 'a function without a lock file would never get a call' },
  'whole group': { of: BOTH, why: "a shell's children are what runs too long" },
  'write timeout': { of: BOTH, why: 'the client is told why, and nothing runs on for nobody' },
  'client gone': { of: BOTH, why: 'nothing runs on for nobody' },
  'failure of a long answer': {
    of: ['classic'],
    why: 'it is streamed, because memory is finite: half an answer must not look whole',
  },
  'path as it came': { of: ['classic', 'of-watchdog'], why: "routing is the function's affair" },
  'path with NUL': { of: BOTH, why: "the caller's fault is a 400" },
  'Proxy header': { of: BOTH, why: 'httpoxy' },
  'reason in the log': { of: ['classic'], why: 'who reads the log wants to know' },
  'headers in the log': { of: ['classic'], why: 'stdout is for write_debug alone' },
  readiness: { of: ['classic'], why: 'of-watchdog has it' },
  'flush at once': { of: ['of-watchdog'], why: 'events must arrive when they happen' },
  'status in the access log': { of: ['of-watchdog'], why: 'a failure that is logged as 200 is not found' },
  'call id in the log': { of: ['of-watchdog'], why: 'what is asked for is given in every mode' },
  'head as it came': { of: ['of-watchdog'], why: 'only the function knows what it sent' },
  'length as it came': { of: ['of-watchdog'], why: 'a server that cannot read chunks reads nothing' },
  'buffered length': { of: ['of-watchdog'], why: 'the variable asks for a length' },
  'failure of a stream': { of: ['of-watchdog'], why: 'an empty 200 is no failure that anybody sees' },
  'half an answer': { of: ['of-watchdog'], why: 'half an answer must not look whole' },
  'X-Timeout': {
    of: ['of-watchdog'],
    why: 'a caller who asks for a limit gets one, or hears that it was not understood',
  },
  'long log line': { of: ['of-watchdog'], why: 'one long line must not end the log' },
  'process that ends': {
    of: ['of-watchdog'],
    why: 'without its process a watchdog serves nothing but errors',
  },
  'waits for its process': { of: ['of-watchdog'], why: 'healthy means that calls are served' },
  'links that lead out': { of: ['of-watchdog'], why: 'what is served is one folder' },
  'unknown unit': { of: ['of-watchdog'], why: 'RFC 9110 14.2' },
  ETag: { of: ['of-watchdog'], why: 'a second is long' },
} as const satisfies Record<string, Exception>;

export type ExceptionName = keyof typeof EXCEPTIONS;
