import { expect } from 'chai';

const PROBE_IMAGE = 'python:3.11-slim-bookworm';

/** Services that only the gateway may talk to, what to ask each, and a word that only its own answer holds. */
const INSIDE = [
  { service: 'nats', port: 4222, path: '/', word: 'server_id' },
  { service: 'nats', port: 8222, path: '/varz', word: 'server_id' },
  { service: 'queue-worker', port: 8082, path: '/metrics', word: 'queue_worker_' },
  { service: 'prometheus', port: 9090, path: '/api/v1/status/buildinfo', word: 'goVersion' },
  { service: 'alertmanager', port: 9093, path: '/api/v2/status', word: 'versionInfo' },
] as const;

/** Prints what a server answers, or why none does. A connection alone proves nothing: some networks accept every one. */
const PROBE = `
import socket, sys
host, port, path = sys.argv[1:]
try:
    with socket.create_connection((host, int(port)), timeout=2) as server:
        server.settimeout(3)
        server.sendall(f'GET {path} HTTP/1.0\\r\\n\\r\\n'.encode())
        answer = b''
        while piece := server.recv(65536):
            answer += piece
            if b'server_id' in answer:
                break
        print('answer', answer.decode(errors='replace'))
except OSError as error:
    print('nothing', error)
`;

async function docker(...words: readonly string[]): Promise<string> {
  const child = Bun.spawn(['docker', ...words], { stdout: 'pipe', stderr: 'pipe' });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}

const containerOf = (service: string) =>
  docker('ps', '-q', '--filter', `label=com.docker.swarm.service.name=skep_${service}`);

/** Asks from inside a network, or from beside a container. */
const ask = (network: string, host: string, port: number, path: string) =>
  docker('run', '--rm', '--network', network, PROBE_IMAGE, 'python', '-c', PROBE, host, String(port), path);

describe('networks of the running stack', function () {
  this.timeout(60_000);

  it('let a function call the gateway by name', async () => {
    expect(await ask('skep-functions', 'gateway', 8080, '/healthz')).to.match(/^answer HTTP\/1\.1 (200|400)/);
  });

  it("keep the gateway's metrics from functions", async () => {
    expect(await ask('skep-functions', 'gateway', 8082, '/metrics')).to.match(/^nothing/);
  });

  for (const { service, port, path, word } of INSIDE) {
    it(`keep ${service}:${port} from functions, by name and by address, while the gateway reaches it`, async () => {
      expect(await ask(`container:${await containerOf('gateway')}`, service, port, path)).to.contain(word);
      const address = await docker(
        'inspect',
        '--format',
        '{{(index .NetworkSettings.Networks "skep-platform").IPAddress}}',
        await containerOf(service),
      );
      expect(address).to.match(/^\d+\.\d+\.\d+\.\d+$/);
      for (const host of [service, `tasks.${service}`, address]) {
        expect(await ask('skep-functions', host, port, path), host).to.not.contain(word);
      }
    });
  }
});
