import type { Readable } from 'node:stream';
import type { SecretValues } from '../../contract/sealed-secrets.ts';

/** What is known of a build before anything of it is looked into. */
export interface BuildPlan {
  /** The name that the image is to get. */
  readonly image: string;
  /** e.g. `linux/amd64`; none: the builder's own. */
  readonly platforms: readonly string[];
  readonly hasSecrets: boolean;
  /** False: it may not take the name of an image that was not built through this API. */
  readonly mayReplace: boolean;
}

/** One image to build. */
export interface BuildRequest {
  /** The name that the image gets. */
  readonly image: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** e.g. `linux/amd64`; absent: the builder's own. */
  readonly platform?: string;
  /** For `RUN --mount=type=secret,id=<name>`. */
  readonly secrets?: SecretValues;
  /** Whether the image is to be sent to its registry, too. */
  readonly push: boolean;
  /** An uncompressed tar of the build context, `Dockerfile` at its root. */
  readonly context: Readable;
}

export type BuildResult =
  | { readonly kind: 'built'; readonly imageId: string }
  /** The source's fault: what its Dockerfile says cannot be done, or the registry takes no push. */
  | { readonly kind: 'failed'; readonly error: string };

/** Turns a source into an image that the cluster can run. */
export interface ImageBuilder {
  /**
   * Why there will be no such image, whatever the source says; undefined: there may. To be asked before each build.
   * @throws {FaasError} `provider_unavailable`
   */
  whyNot(plan: BuildPlan): Promise<string | undefined>;
  /**
   * Calls `onLine` with each line of the build's output, without its line end. Ends the build when `signal` aborts.
   * @throws {FaasError} `provider_unavailable` when there is nobody who builds; the signal's reason when it aborted
   */
  build(request: BuildRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<BuildResult>;
}
