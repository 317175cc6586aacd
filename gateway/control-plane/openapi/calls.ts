import { CALL_STATES } from '../../../contract/call-status.ts';
import { ASYNC_CALL_PATHS } from './async-call.ts';
import { failures } from './errors.ts';
import { NAMESPACE_QUERY } from './parameters.ts';
import { answer, empty, flag, listOf, object, ref, text } from './schema.ts';
import type { Parameter, Paths, Schema } from './types.ts';

const time = (description: string): Schema => text(description, { format: 'date-time' });
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const ATTEMPT = {
  startedAt: time('When it began.'),
  seconds: { type: 'number', description: 'How long it took.' },
  'status?': { type: 'integer', description: 'Of the answer; absent: none came.' },
  'error?': text('Why no answer came, or in what way it was none of the function.'),
} as const;

const CURSOR = text('For `?cursor=`; absent: there are no more.');

export const CALL_SCHEMAS: Readonly<Record<string, Schema>> = {
  CallAttempt: object(
    {
      function: text('The function as `NAME.NAMESPACE`.'),
      attempt: count('From 1; each function of a chain begins anew.'),
      ...ATTEMPT,
    },
    'One attempt that is over.',
  ),
  CallAnswer: object(
    {
      status: { type: 'integer', description: "The function's own." },
      'contentType?': text('As the function gave it.'),
      bytes: count('Of the body.'),
      isKept: flag('False: the body was longer than what is kept.'),
    },
    'An answer, without its body.',
  ),
  CallStatus: object(
    {
      id: text('As `X-Call-Id` has it.'),
      status: text('The last four are ends; a dead call may be sent again.', { enum: CALL_STATES }),
      function: text('As `NAME.NAMESPACE`: the one that is called, or was called last.'),
      queue: text('Whose workers run it.'),
      'chain?': listOf({ type: 'string' }, 'All functions of a chain, in their order.'),
      acceptedAt: time('When the gateway accepted it.'),
      attempt: count('Begun last, from 1; 0: none yet.'),
      'startedAt?': time('When the attempt that is running began.'),
      'nextAt?': time('When the next one may begin.'),
      'endedAt?': time('When it ended.'),
      attempts: listOf(ref('CallAttempt'), 'Those that are over, the last 20.'),
      'reason?': text('Why it ended `failed`, `dead` or `cancelled`.'),
      'answer?': ref('CallAnswer'),
      'callback?': object(
        {
          url: text('Where the answer goes.'),
          'state?': text('Absent: there is nothing to deliver yet.', {
            enum: ['waiting', 'delivered', 'failed'],
          }),
          'attempts?': listOf(object(ATTEMPT), 'To deliver it, the last 20.'),
          'nextAt?': time('When it is tried again.'),
          'endedAt?': time('When it was delivered or given up.'),
        },
        'How the answer fares on its way to the address that the client gave.',
      ),
    },
    'What has become of an asynchronous call.',
  ),
  CallList: object({
    calls: listOf(ref('CallStatus'), 'What has changed last comes first.'),
    'cursor?': CURSOR,
  }),
  DeadCall: object(
    {
      id: text('As `X-Call-Id` has it.'),
      function: text('As `NAME.NAMESPACE`: the one that failed.'),
      queue: text('Whose workers ran it.'),
      acceptedAt: time('When the gateway accepted it.'),
      diedAt: time('When its last attempt was over.'),
      reason: text('Why it is not tried any more.'),
      attempts: listOf(ref('CallAttempt'), 'The last 20.'),
      path: text("What follows the function's name, path and query."),
      'answer?': ref('CallAnswer'),
      'answerStart?': text("How the last answer's body begins, as UTF-8."),
    },
    'A call that was tried as often as it may be.',
  ),
  DeadCallList: object({
    deadLetters: listOf(ref('DeadCall'), 'The one that died first comes first.'),
    'cursor?': CURSOR,
  }),
};

const ID: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id of the call, as `X-Call-Id` has it.',
  schema: { type: 'string', minLength: 1, maxLength: 128 },
};

const FUNCTION_QUERY: Parameter = {
  name: 'function',
  in: 'query',
  description: 'Calls of this function alone, as `NAME` or `NAME.NAMESPACE`.',
  schema: { type: 'string', maxLength: 127 },
};

const OF_FUNCTION: readonly Parameter[] = [FUNCTION_QUERY, NAMESPACE_QUERY];

const PAGE: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    description: 'At most so many; there may be fewer though more follow.',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 50 },
  },
  { name: 'cursor', in: 'query', description: 'As the page before had it.', schema: { type: 'string' } },
];

const WAIT: Parameter = {
  name: 'wait',
  in: 'query',
  description: 'Wait so long for the end of the call: `30s`, `1m30s`, or seconds; five minutes at most.',
  schema: { type: 'string' },
};

const RATE: Parameter = {
  name: 'rate',
  in: 'query',
  description: 'So many calls a second; 0: all at once.',
  schema: { type: 'integer', minimum: 0, maximum: 1000, default: 0 },
};

const ASKED = ['async_disabled', 'queue_unavailable'] as const;
const ABOUT_ONE = [...ASKED, 'invalid_request', 'call_not_found'] as const;
const ABOUT_FUNCTION = [...ASKED, 'invalid_request', 'function_not_found'] as const;

const REDRIVEN = answer(
  'They wait again, or will.',
  object({ redriven: count('How many calls were sent again.') }),
);
const PURGED = answer('They are gone.', object({ purged: count('How many dead letters were thrown away.') }));

export const CALL_PATHS: Paths = {
  '/async-function/{name}': {
    ...ASYNC_CALL_PATHS['/async-function/{name}'],
    delete: {
      operationId: 'cancelCall',
      tags: ['calls'],
      summary: 'Cancel a call: one that waits, is to be tried again, or runs',
      description:
        'Without credentials where the queue has made the id; ids of ticks, of idempotency keys and those that clients have made up ask for them.',
      security: [{}, { basic: [] }],
      parameters: [{ ...ID, name: 'name' }],
      responses: {
        202: empty('It is cancelled, or was before. What the function has done until then stays done.'),
        ...failures(...ASKED, 'call_not_found', 'call_ended'),
      },
    },
  },
  '/system/calls': {
    get: {
      operationId: 'listCalls',
      tags: ['calls'],
      summary: 'Calls by their last change, the newest first',
      parameters: [
        ...OF_FUNCTION,
        {
          name: 'status',
          in: 'query',
          description: 'Calls in this state alone.',
          schema: { type: 'string', enum: CALL_STATES },
        },
        ...PAGE,
      ],
      responses: { 200: answer('A page.', ref('CallList')), ...failures(...ABOUT_FUNCTION) },
    },
  },
  '/system/calls/{id}': {
    get: {
      operationId: 'readCall',
      tags: ['calls'],
      summary: 'What has become of a call',
      parameters: [ID, WAIT],
      responses: { 200: answer('The call.', ref('CallStatus')), ...failures(...ABOUT_ONE) },
    },
  },
  '/system/calls/{id}/result': {
    get: {
      operationId: 'readCallResult',
      tags: ['calls'],
      summary: "The function's answer to a call that has ended",
      parameters: [ID, WAIT],
      responses: {
        default: {
          description: 'The answer as it was, with its status and headers, whatever those are.',
          headers: {
            'X-Skep-Call-Status': {
              description: "What has become of the call. Without it the answer is the gateway's own.",
              required: true,
              schema: { type: 'string', enum: CALL_STATES },
            },
          },
          content: { '*/*': {} },
        },
        ...failures(...ABOUT_ONE, 'call_not_ended', 'result_not_found'),
      },
    },
  },
  '/system/dead-letters': {
    get: {
      operationId: 'listDeadLetters',
      tags: ['calls'],
      summary: 'Calls that were tried as often as they may be, the oldest first',
      parameters: [...OF_FUNCTION, ...PAGE],
      responses: { 200: answer('A page.', ref('DeadCallList')), ...failures(...ABOUT_FUNCTION) },
    },
    delete: {
      operationId: 'purgeDeadLetters',
      tags: ['calls'],
      summary: 'Throw dead letters away: all, or those of one function',
      parameters: OF_FUNCTION,
      responses: { 200: PURGED, ...failures(...ABOUT_FUNCTION) },
    },
  },
  '/system/dead-letters/redrive': {
    post: {
      operationId: 'redriveDeadLetters',
      tags: ['calls'],
      summary: 'Send dead calls again: all, or those of one function',
      parameters: [...OF_FUNCTION, RATE],
      responses: { 202: REDRIVEN, ...failures(...ABOUT_FUNCTION, 'queue_full') },
    },
  },
  '/system/dead-letters/{id}': {
    get: {
      operationId: 'readDeadLetter',
      tags: ['calls'],
      summary: 'One dead call, and why it died',
      parameters: [ID],
      responses: {
        200: answer('The dead letter.', ref('DeadCall')),
        ...failures(...ASKED, 'call_not_found'),
      },
    },
    delete: {
      operationId: 'purgeDeadLetter',
      tags: ['calls'],
      summary: 'Throw one dead letter away',
      parameters: [ID],
      responses: { 200: PURGED, ...failures(...ABOUT_ONE) },
    },
  },
  '/system/dead-letters/{id}/redrive': {
    post: {
      operationId: 'redriveDeadLetter',
      tags: ['calls'],
      summary: 'Send one dead call again, from the function at which it died',
      parameters: [ID, RATE],
      responses: { 202: REDRIVEN, ...failures(...ABOUT_ONE, 'queue_full') },
    },
  },
};
