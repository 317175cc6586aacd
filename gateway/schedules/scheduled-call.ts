import { CRON_TOPIC } from '../../contract/parse-function-schedule.ts';
import type { CallStep } from '../queue/call.ts';
import type { NewCall } from '../queue/call-queue.ts';

export interface ScheduledCallOptions {
  readonly steps: readonly CallStep[];
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
}

/** The call of a tick, with the headers of the contract's cron connector; a body of one's own is text. */
export function scheduledCall({ steps, body, acceptedAt }: ScheduledCallOptions): NewCall {
  return {
    acceptedAt,
    steps,
    path: '/',
    headers: [
      ...['X-Connector', 'cron-connector', 'X-Topic', CRON_TOPIC],
      ...['X-Start-Time', `${acceptedAt}000000`],
      ...(body === '' ? [] : ['Content-Type', 'text/plain']),
    ],
    body: new TextEncoder().encode(body),
  };
}
