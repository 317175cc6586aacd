/** The calls of one function that one gateway has seen. */
export interface GatewayLoad {
  /** Calls accepted since that gateway began. */
  readonly started: number;
  /** Calls accepted and not finished, those that wait for a first replica included. */
  readonly inFlight: number;
}

/** The calls of one function, over all gateways, since the look before. */
export interface FunctionLoad {
  /** Calls accepted since the look before. */
  readonly started: number;
  /** Calls accepted and not finished, now. */
  readonly inFlight: number;
}
