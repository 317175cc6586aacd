import { connect } from 'node:net';

const MOST_MS = 500;

/** Whether somebody takes connections there. */
export function answers(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const finish = (isThere: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isThere);
    };
    const timer = setTimeout(() => finish(false), MOST_MS);
    socket.on('connect', () => finish(true));
    socket.on('error', () => finish(false));
  });
}
