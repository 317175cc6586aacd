// The OpenFaaS wire types, as clients send and read them. Parsers live beside them; no I/O here.

/** Devices that are asked for by number. */
export const DEVICES = ['nvidia.com/gpu', 'amd.com/gpu', 'intel.com/gpu'] as const;

export type FunctionResources = { readonly [device in (typeof DEVICES)[number]]?: string } & {
  readonly memory?: string;
  readonly cpu?: string;
};

/** Body of POST and PUT /system/functions. */
export interface FunctionDeployment {
  readonly service: string;
  readonly image: string;
  readonly namespace?: string;
  readonly envProcess?: string;
  readonly envVars?: Readonly<Record<string, string>>;
  readonly constraints?: readonly string[];
  readonly secrets?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly limits?: FunctionResources;
  readonly requests?: FunctionResources;
  readonly readOnlyRootFilesystem?: boolean;
  /** Another network to be attached to, beside that of the functions. */
  readonly network?: string;
  /** base64 of `user:password`; used for the pull, never stored. */
  readonly registryAuth?: string;
}

/** How a function's last deployment fares. */
export interface Rollout {
  readonly state: 'running' | 'done' | 'failed';
  /** Why it failed, or what holds it up, in the cluster's own words where it has some. */
  readonly error?: string;
}

/** What a function uses, over all its replicas. */
export interface FunctionUsage {
  /** Thousandths of a core. */
  readonly cpu: number;
  readonly totalMemoryBytes: number;
}

/** One function as GET answers it. */
export interface FunctionStatus {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly envProcess?: string;
  readonly envVars?: Readonly<Record<string, string>>;
  readonly constraints?: readonly string[];
  readonly secrets?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly limits?: FunctionResources;
  readonly requests?: FunctionResources;
  readonly readOnlyRootFilesystem?: boolean;
  /** Completed calls, from Prometheus. */
  readonly invocationCount?: number;
  /** Desired replicas. */
  readonly replicas: number;
  readonly availableReplicas: number;
  /** Only where it was asked for and has been measured. */
  readonly usage?: FunctionUsage;
  /** Ours, beside the contract; only where one function is read. */
  readonly rollout?: Rollout;
  /** RFC 3339. */
  readonly createdAt: string;
}

export interface DeleteFunctionRequest {
  readonly functionName: string;
  readonly namespace?: string;
}

export interface ScaleRequest {
  readonly serviceName?: string;
  readonly namespace?: string;
  readonly replicas: number;
}

export interface VersionInfo {
  readonly sha: string;
  readonly release: string;
  readonly commit_message?: string;
}

export interface GatewayInfo {
  readonly provider: {
    readonly provider: string;
    readonly orchestration: string;
    readonly version: VersionInfo;
  };
  readonly version: VersionInfo;
  /** e.g. `x86_64`, `arm64` */
  readonly arch: string;
}

/** One line of a build's progress, from POST /build and POST /system/build. */
export interface BuildProgress {
  /** `<RFC 3339> message` */
  readonly log: readonly string[];
  readonly image: string;
  readonly status: 'in_progress' | 'success' | 'failed';
  readonly error?: string;
  /** Ours: where the function answers that was deployed. */
  readonly url?: string;
  /** Seconds. */
  readonly duration?: number;
}
