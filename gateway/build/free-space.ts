const LOOK_EVERY_MS = 500;

/** The disk that builds fill. */
export interface BuildDisk {
  /** Bytes that are free on it. */
  freeBytes(): Promise<number>;
  /** Fewer free ones end a build; 0 switches this off. */
  readonly floorBytes: number;
}

/** A build that may run as long as there is room for it. */
export interface RoomWatch {
  /** Aborts when there is too little room, with an error that says so. */
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Looks at the disk until it is stopped. One that cannot be looked at ends nothing: builds would fail for no fault of theirs.
 * Resolves after the first look.
 */
export async function watchRoom({ freeBytes, floorBytes }: BuildDisk): Promise<RoomWatch> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = floorBytes === 0;
  const look = async (): Promise<void> => {
    if (isStopped) return;
    const free = await freeBytes().catch(() => Number.POSITIVE_INFINITY);
    if (free < floorBytes) controller.abort(new Error(tooLittle(free, floorBytes)));
    else if (!isStopped) timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  await look();
  return {
    signal: controller.signal,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function tooLittle(free: number, floor: number): string {
  return `the disk of the builder has ${inGib(free)} free, and builds are to leave ${inGib(floor)}: make room (docker system df, docker image prune), or build less`;
}

function inGib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
