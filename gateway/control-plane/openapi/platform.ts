import { failures, openFailures } from './errors.ts';
import { answer, CALL_ID, empty, flag, jsonBody, listOf, object, ref, text } from './schema.ts';
import type { Paths, Schema } from './types.ts';

const check = object(
  {
    ok: flag('It is as it should be.'),
    'detail?': text('What answered, or `not configured`.'),
    'error?': text('Why it is not well, and what to do.'),
    millis: { type: 'integer', minimum: 0, description: 'How long the look took; 2000 at most.' },
  },
  'How one of the things is that the gateway works with.',
);

const health = object(
  {
    status: text(
      '`ok`: all is well. `degraded`: functions can be called and managed, and something else is missing. `down`: what the gateway cannot work without is missing.',
      { enum: ['ok', 'degraded', 'down'] },
    ),
    version: ref('VersionInfo'),
    checks: {
      type: 'object',
      additionalProperties: ref('HealthCheck'),
      description:
        '`engine` and `swarm` (of `skep dev`: `processes`), which the gateway cannot work without, its `workers`, `nats`, the `queue_workers` and `prometheus`.',
    },
    table: object(
      {
        'readAt?': text('When the cluster was last read.', { format: 'date-time' }),
        'ageMillis?': { type: 'integer', minimum: 0, description: 'How long ago that was.' },
      },
      'What the gateway knows of functions and replicas; empty until the cluster was read once.',
    ),
  },
  'The health of the platform.',
);

const version = object({
  sha: text('The commit.'),
  release: text('The release.'),
  'commit_message?': text('The first line of its message.'),
});

const info = object({
  provider: object({
    provider: text('Name of the provider.'),
    orchestration: text('What it runs functions on.'),
    version: ref('VersionInfo'),
  }),
  version: ref('VersionInfo'),
  arch: text('Processor of the gateway, such as `x86_64`.'),
});

const alerts = object(
  {
    alerts: listOf(
      object({
        status: text('Whether it has begun or ended.', { enum: ['firing', 'resolved'] }),
        labels: {
          type: 'object',
          required: ['function_name'],
          properties: { function_name: text('The function as `NAME` or `NAME.NAMESPACE`.') },
          additionalProperties: { type: 'string' },
        },
        'startsAt?': text(
          'Since when it fires, RFC 3339: with it, the same alert again within 20 seconds makes no second step.',
        ),
        'fingerprint?': text('Which alert it is, of the same labels the same.'),
      }),
    ),
  },
  "Alertmanager's notification, as much of it as is read.",
);

export const PLATFORM_SCHEMAS: Readonly<Record<string, Schema>> = {
  HealthReport: health,
  HealthCheck: check,
  VersionInfo: version,
  GatewayInfo: info,
  AlertNotification: alerts,
};

const PLAIN_TEXT = { 'text/plain': { schema: { type: 'string' } } } as const;

export const PLATFORM_PATHS: Paths = {
  '/system/info': {
    get: {
      operationId: 'readInfo',
      tags: ['platform'],
      summary: 'Versions of the gateway and of its provider',
      responses: {
        '200': answer('The versions.', ref('GatewayInfo')),
        ...failures('provider_unavailable'),
      },
    },
  },
  '/system/metrics': {
    get: {
      operationId: 'readMetrics',
      tags: ['platform'],
      summary: 'What this gateway counts',
      description:
        'The page of port 8082, in the text format of Prometheus: totals since the gateway was started, of this gateway alone where there are several.',
      responses: {
        '200': { description: 'The metrics.', headers: CALL_ID, content: PLAIN_TEXT },
        ...failures(),
      },
    },
  },
  '/system/health': {
    get: {
      operationId: 'readHealth',
      tags: ['platform'],
      summary: 'What the gateway works with, and how that is',
      description:
        'Everything is looked at side by side, within two seconds. Who asks meanwhile gets the same report.',
      responses: {
        '200': answer('Functions can be called and managed: `ok` or `degraded`.', ref('HealthReport')),
        '503': answer('What the gateway cannot work without is missing: `down`.', ref('HealthReport')),
        ...failures(),
      },
    },
  },
  '/system/openapi.json': {
    get: {
      operationId: 'readOpenApi',
      tags: ['platform'],
      summary: 'This document',
      responses: { '200': answer('OpenAPI 3.1.', { type: 'object' }), ...failures() },
    },
  },
  '/system/alert': {
    post: {
      operationId: 'alert',
      tags: ['platform'],
      summary: "Alertmanager's webhook: scales the functions that the alerts name",
      requestBody: jsonBody(ref('AlertNotification'), {
        status: 'firing',
        receiver: 'scale-up',
        alerts: [
          {
            status: 'firing',
            labels: { alertname: 'APIHighInvocationRate', function_name: 'resize.media' },
            startsAt: '2026-01-31T12:00:00Z',
          },
        ],
      }),
      responses: {
        '200': empty(
          'All were applied, or are not to be: of functions that are unknown or that alerts do not scale.',
        ),
        ...failures('invalid_request', 'body_too_large', 'alert_failed'),
      },
    },
  },
  '/schema/stack.json': {
    get: {
      operationId: 'readStackSchema',
      tags: ['platform'],
      summary: 'The JSON schema of stack.yaml, for editors',
      security: [],
      responses: {
        '200': {
          description: 'JSON Schema, draft 7.',
          headers: CALL_ID,
          content: { 'application/schema+json': { schema: { type: 'object' } } },
        },
      },
    },
  },
  '/healthz': {
    get: {
      operationId: 'isAlive',
      tags: ['platform'],
      summary: 'Whether the gateway runs',
      security: [],
      responses: {
        '200': { description: '`OK`: it does.', headers: CALL_ID, content: PLAIN_TEXT },
        ...openFailures('shutting_down'),
      },
    },
  },
  '/': {
    get: {
      operationId: 'readGreeting',
      tags: ['platform'],
      summary: 'What this is, in a sentence',
      security: [],
      responses: {
        '200': { description: 'A greeting.', headers: CALL_ID, content: PLAIN_TEXT },
      },
    },
  },
};
