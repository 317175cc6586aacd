import { answer, type Call } from './call.ts';
import { splitTarget } from './cgi-env.ts';
import { log } from './log.ts';

/** What is to become of a call. `text` is for the caller. */
export type Verdict = 'allowed' | { readonly status: 401 | 403; readonly text: string };

/** Judges a call by its `Authorization` headers. */
export type Authenticator = (authorizations: readonly string[]) => Promise<Verdict>;

const DENIED_HEADERS = [
  ...['Content-Type', 'text/plain; charset=utf-8'],
  ...['X-Content-Type-Options', 'nosniff'],
  ...['X-OpenFaaS-Internal', 'faas-middleware'],
];

/** Lets a call go on when its token allows it, with the time that took in `X-Auth-Seconds`; answers it otherwise. */
export function authenticate(call: Call, authenticator: Authenticator, goOn: () => void): void {
  const { exchange } = call;
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(6);
  let hasGone = false;
  exchange.onClientGone(() => {
    hasGone = true;
  });
  const decide = (verdict: Verdict): void => {
    if (hasGone) return; // nobody waits for an answer: nothing is begun
    if (verdict === 'allowed') {
      exchange.setRequestHeader('X-Auth-Seconds', seconds());
      goOn();
      return;
    }
    const { status, text } = verdict;
    const { method, target } = exchange.request;
    log(`${method} ${splitTarget(target).path} - ${status} ACCESS DENIED - (${seconds()}s)`);
    const challenge = status === 401 ? ['WWW-Authenticate', 'Bearer realm=IAM function invoke'] : [];
    answer(call, status, [...challenge, ...DENIED_HEADERS], `${text}\n`);
  };
  authenticator(headerValues(exchange.request.headers, 'authorization'))
    .then(decide)
    .catch((error: Error) => {
      log(`cannot serve the call: ${error.stack ?? error.message}`);
      answer(call, 500, ['Content-Type', 'text/plain'], 'internal error\n');
    });
}

function headerValues(headers: readonly string[], lowerCaseName: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === lowerCaseName);
}
