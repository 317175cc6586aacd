/** Every failure a caller can see, and the only table in which a code meets an HTTP status. */
const STATUS_BY_CODE = {
  invalid_request: 400,
  invalid_credentials: 401,
  invalid_signature: 401,
  cross_site_request: 403,
  host_not_allowed: 403,
  function_not_found: 404,
  secret_not_found: 404,
  namespace_not_found: 404,
  route_not_found: 404,
  async_disabled: 404,
  builder_disabled: 404,
  call_not_found: 404,
  result_not_found: 404,
  method_not_allowed: 405,
  function_exists: 409,
  secret_exists: 409,
  secret_in_use: 409,
  namespace_exists: 409,
  namespace_not_empty: 409,
  call_ended: 409,
  call_not_ended: 409,
  body_too_large: 413,
  invalid_log_request: 422,
  builder_busy: 429,
  too_many_log_readers: 429,
  too_many_inflight: 429,
  function_rate_limited: 429,
  function_concurrency_limited: 429,
  replicas_busy: 429,
  internal_error: 500,
  alert_failed: 500,
  upstream_unreachable: 502,
  upstream_broken: 502,
  provider_unavailable: 503,
  shutting_down: 503,
  no_replica: 503,
  cold_start_timeout: 503,
  waiting_room_full: 503,
  queue_unavailable: 503,
  queue_full: 503,
  queue_not_served: 503,
  upstream_timeout: 504,
} as const;

export type FaasErrorCode = keyof typeof STATUS_BY_CODE;

/** The codes, for the test that holds `docs/errors.md` to this table. */
export const ERROR_CODES = Object.keys(STATUS_BY_CODE) as readonly FaasErrorCode[];

/** A failure with a stable code. Koa reads `status` and `expose` when it writes the response. */
export class FaasError extends Error {
  override readonly name = 'FaasError';
  readonly code: FaasErrorCode;
  readonly status: number;
  /** Whether the caller sees the message: all but the unexpected, which may hold internals and goes to the log. */
  readonly expose: boolean;
  /** When another attempt may fare better, where that is known: whole seconds, at least 1. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: FaasErrorCode,
    message: string,
    options?: { cause?: unknown; retryAfterSeconds?: number },
  ) {
    super(message, options);
    this.code = code;
    this.status = STATUS_BY_CODE[code];
    this.expose = code !== 'internal_error';
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}
