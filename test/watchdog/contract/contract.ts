import { join } from 'node:path';
import { compile, PROGRAMS } from '../../../scripts/platform/compile.ts';
import {
  type Env,
  type Program,
  type StartOptions,
  startWatchdog,
  stopWatchdogs,
  type Watchdog,
} from '../start-watchdog.ts';
import { EXCEPTIONS, type Exception, type ExceptionName } from './exceptions.ts';

// The suite of the contract: the same assertions for our compiled executable and for the executables of others, so that it
// states the contract and not our habits. A difference on purpose is an exception with a name: its case must hold for ours,
// and must NOT hold for the other one, or it would be no difference.

const PEERS = {
  classic: { name: "OpenFaaS's classic-watchdog", variable: 'PEER_CLASSIC_WATCHDOG' },
  'of-watchdog': { name: "OpenFaaS's of-watchdog", variable: 'PEER_OF_WATCHDOG' },
} as const;

export type Contract = keyof typeof PEERS;

/** A gigabyte takes its time on a machine that others use, too. */
const CASE_MS = 60_000;
/** Longest that a case is waited for of which it is shown that it does not hold. */
const REFUTED_MS = 3000;

export interface Subject {
  /** Starts the watchdog in question. */
  start(env: Env, options?: StartOptions): Promise<Watchdog>;
}

type Case = (subject: Subject) => Promise<void>;

export interface ContractCases {
  /** A case of the contract. */
  it(title: string, run: Case): void;
  /** A case in which ours is another on purpose. */
  differs(name: ExceptionName, title: string, run: Case): void;
}

/** Declares cases for ours and, where its variable names an executable, for the watchdog that the contract comes from. */
export function describeContract(
  contract: Contract,
  area: string,
  declare: (cases: ContractCases) => void,
): void {
  describe(`the ${contract} contract, ${area}`, () => {
    describe('Skep', function () {
      this.timeout(CASE_MS);
      let program: Program | undefined;
      before(async function () {
        this.timeout(60_000);
        program = await ownProgram();
      });
      afterEach(stopWatchdogs);
      const subject: Subject = {
        start: (env, options) =>
          startWatchdog(env, { ...options, ...(program === undefined ? {} : { program }) }),
      };
      declare({
        it: (title, run) => it(title, () => run(subject)),
        differs: (name, title, run) => it(`${title} [${name}]`, () => run(subject)),
      });
    });
    const { name, variable } = PEERS[contract];
    describe(name, function () {
      this.timeout(CASE_MS);
      const executable = process.env[variable];
      if (!executable) {
        it.skip(`no peer given: set ${variable} to its executable`);
        return;
      }
      afterEach(stopWatchdogs);
      const program: Program = { command: [executable], isPeer: true };
      const subject: Subject = { start: (env, options) => startWatchdog(env, { ...options, program }) };
      declare({
        it: (title, run) => it(title, () => run(subject)),
        differs: (exception, title, run) => {
          const { of: contracts }: Exception = EXCEPTIONS[exception];
          if (!contracts.includes(contract)) {
            throw new Error(`${exception} is no exception from the ${contract} contract`);
          }
          it(`does otherwise: ${title} [${exception}]`, () => refute(run, subject, exception));
        },
      });
    });
  });
}

/** @throws when the case holds, or when the peer did not even start */
async function refute(run: Case, { start }: Subject, exception: ExceptionName): Promise<void> {
  let startError: unknown;
  const observed: Subject = {
    start: async (env, options) => {
      try {
        return await start(env, options);
      } catch (error) {
        startError = error;
        throw error;
      }
    },
  };
  const held = await Promise.race([
    run(observed).then(
      () => true,
      () => false,
    ),
    Bun.sleep(REFUTED_MS).then(() => false),
  ]);
  if (startError !== undefined) throw startError;
  if (held) throw new Error(`the peer does as we do: ${exception} is no exception`);
}

/** The executable that images carry, made anew when its sources have changed. */
async function ownProgram(): Promise<Program> {
  const watchdog = PROGRAMS.find(({ name }) => name === 'fwatchdog');
  if (watchdog === undefined) throw new Error('fwatchdog is no program of this checkout');
  const { file } = await compile(join(import.meta.dirname, '../../..'), watchdog);
  return { command: [file], isPeer: false };
}

export const post = (
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(url, { method: 'POST', body, headers });
