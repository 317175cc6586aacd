const CLEAR_LINE = '\r\u001b[K';
const FRAME_MS = 90;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** For terminals whose locale is not Unicode. */
const PLAIN_FRAMES = ['-', '\\', '|', '/'];

export interface StatusLine {
  show(text: string): void;
  /** Takes it away; what is written next stands in its place. */
  clear(): void;
}

export interface StatusScreen {
  readonly columns?: number;
  write(text: string): unknown;
}

/** The last line of a terminal: what goes on now, with something that turns beside it. */
export function statusLine(screen: StatusScreen, { isUnicode }: { readonly isUnicode: boolean }): StatusLine {
  const frames = isUnicode ? FRAMES : PLAIN_FRAMES;
  let text: string | undefined;
  let frame = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const draw = (): void => {
    const line = `${frames[frame % frames.length]} ${text}`;
    // A line that wraps could not be taken away again.
    screen.write(`${CLEAR_LINE}${line.slice(0, (screen.columns || 80) - 1)}`);
  };
  return {
    show: (shown) => {
      text = shown;
      draw();
      timer ??= setInterval(() => {
        frame += 1;
        draw();
      }, FRAME_MS);
      timer.unref(); // it must not keep a command from ending
    },
    clear: () => {
      if (text === undefined) return;
      clearInterval(timer);
      timer = undefined;
      text = undefined;
      screen.write(CLEAR_LINE);
    },
  };
}

/** By the variables that name the locale, the first that is set. */
export function isUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}
