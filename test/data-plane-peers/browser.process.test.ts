import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { startDataPlane } from '../support/data-plane-with-upstream.ts';
import { find, scratchFolder, serve, skipSaying, stopPrograms } from './programs.ts';

describe('a browser through the data plane', function () {
  this.timeout(60_000);
  afterEach(stopPrograms);

  it('streams with fetch and EventSource, talks over a WebSocket, uploads a file', async function () {
    const browser = find('chromium');
    if (browser === null) return skipSaying(this, 'there is no chromium on this machine');
    const functionPort = await serve([process.execPath, join(import.meta.dirname, 'fixtures/streams.ts')]);
    const plane = await startDataPlane({ functionPort });
    const base = `http://127.0.0.1:${plane.port}/function/fn`;
    const quiet =
      '--no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(' ');
    const headless = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
    ];
    // The page does not end, so that neither does the browser: it is ended here, with all its processes.
    const child = spawn(
      browser,
      [
        ...headless,
        ...quiet,
        `--user-data-dir=${scratchFolder()}`,
        '--remote-debugging-port=0',
        `${base}/page`,
      ],
      { stdio: 'ignore', detached: true },
    );
    try {
      const report = await Promise.race([
        fetch(`${base}/report`).then((answer) => answer.text()),
        once(child, 'exit').then(([code]) => `the browser ended with ${code}`),
      ]);
      expect(JSON.parse(report)).to.deep.equal([0, 1, 2, 3, 4, 5, 'from', 'a browser', '2000000']);
    } finally {
      if (child.exitCode === null && child.pid !== undefined) {
        const ended = once(child, 'exit');
        process.kill(-child.pid, 'SIGKILL');
        await ended;
      }
      plane.close();
    }
  });
});
