import { expect } from 'chai';
import { until } from '../../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../../support/run-gateway.ts';

/** A server in bytes, so that it can fall silent as a machine without power does: nothing is closed, nothing is answered. */
class Machine {
  readonly #listener: Bun.TCPSocketListener<undefined>;
  isOff = false;
  /** Requests of calls that were sent since. */
  lost = 0;

  constructor(address: string, port: number) {
    this.#listener = Bun.listen({
      hostname: address,
      port,
      socket: {
        data: (socket, bytes) => {
          if (this.isOff) this.lost++;
          else if (bytes.toString().startsWith('GET ')) {
            socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60\r\nContent-Length: 2\r\n\r\nok');
          }
        },
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  switchOff(): void {
    this.isOff = true;
    this.#listener.stop(false);
  }

  close(): void {
    this.#listener.stop(true);
  }
}

describe('a machine that has gone without a word', function () {
  this.timeout(30_000);
  let gateway: RunningGateway;
  let machines: Machine[];

  beforeEach(async () => {
    const first = new Machine('127.0.0.1', 0);
    machines = [first, new Machine('127.0.0.2', first.port)];
    gateway = await runGateway({
      gateway_workers: '2',
      function_port: String(first.port),
      replica_silence: '200ms',
      connect_timeout: '500ms',
      upstream_timeout: '1s',
      write_timeout: '1s',
    });
  });
  afterEach(async () => {
    gateway.kill('SIGKILL');
    await gateway.ended;
    for (const machine of machines) machine.close();
  });

  it('is called no more by any worker once one has found that out', async () => {
    const json = { service: 'fn', image: 'test:1' };
    expect((await gateway.call('/system/functions', { json })).status).to.equal(202);
    await gateway.call('/system/scale-function/fn', { json: { serviceName: 'fn', replicas: 2 } });
    const calls = async (count: number): Promise<number[]> =>
      Promise.all(Array.from({ length: count }, async () => (await gateway.call('/function/fn')).status));
    // Both workers have idle connections to both by then.
    for (let round = 0; round < 5; round++) await calls(40);
    const [, gone] = machines;
    gone?.switchOff();
    const during = await calls(40);
    expect([200, 504]).to.include.members(during);
    // What was sent there ends at its limit of time; nothing more is sent.
    await until('a quiet machine', async () => {
      const before = gone?.lost;
      const statuses = await calls(20);
      return gone?.lost === before && statuses.every((status) => status === 200);
    });
    expect(new Set(await calls(40))).to.deep.equal(new Set([200]));
  });
});
