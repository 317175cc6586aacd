/**
 * How a function is run without an image: what stands where a container would. All replicas share the machine's ports: in mode `http`
 * each gets one for its process, told as `PORT`; the port of `upstream_url` is replaced by it, and so is that port in `fprocess`
 * (`127.0.0.1:3000`) and in every other variable that names it.
 */
export interface Runnable {
  /** In which its processes run; the image's working folder. */
  readonly folder: string;
  /** What the image would set: `fprocess`, `mode`, `PATH` …; what the deployment says comes over it. */
  readonly env: Readonly<Record<string, string>>;
  /** Another one when anything of its source is another: replicas of the one before are replaced, as for a rebuilt image. */
  readonly version: string;
}

/** Knows the source of each image. */
export interface RunnableSource {
  /**
   * The source as it is now, ready to run.
   * @param image as a deployment names it
   * @throws {FaasError} `invalid_request`: nothing here makes this image; the message says what does
   */
  find(image: string): Promise<Runnable>;
}
