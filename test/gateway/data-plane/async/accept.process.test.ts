import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node';
import { expect } from 'chai';
import { decodeCall } from '../../../../gateway/nats/queue/call-codec.ts';
import { queueNames } from '../../../../gateway/nats/queue/names.ts';
import type { QueuedCall } from '../../../../gateway/queue/call.ts';
import { placeOf } from '../../../../gateway/queue/call-id.ts';
import { type FunctionReplicas, startReplicas } from '../../../support/function-replicas.ts';
import { type NatsServer, startNats } from '../../../support/nats-server.ts';
import { until } from '../../../support/platform.ts';
import { type RunningGateway, runGateway } from '../../../support/run-gateway.ts';

const NAMES = queueNames('skep');
const FN = '{function_name="fn.openfaas-fn"}';

describe('asynchronous calls of a gateway with a queue', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let client: NatsConnection | undefined;
  let replicas: FunctionReplicas;
  let gateway: RunningGateway;
  const sockets: Socket[] = [];

  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    nats = await startNats();
    replicas = await startReplicas(1, (_, outgoing) => void outgoing.end('at once'));
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      faas_nats_address: nats.host,
      faas_nats_port: String(nats.port),
      ...settings,
    });
    const deployed = await gateway.call('/system/functions', { json: { service: 'fn', image: 'test:1' } });
    expect(deployed.status).to.equal(202);
    await until('a call is accepted', async () => (await post()).status === 202);
    client = await connectNats({ servers: `${nats.host}:${nats.port}`, reconnect: false });
  };
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await client?.close();
    client = undefined;
    await gateway.end();
    await replicas.close();
    await nats.close();
  });

  const post = (body: Uint8Array | string = 'x', headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${gateway.port}/async-function/fn/path?q=1`, { method: 'POST', body, headers });
  const stored = async (id: string): Promise<QueuedCall> => {
    if (client === undefined) throw new Error('no client');
    const at = placeOf(id);
    if (at === undefined) throw new Error(`${id} says no place`);
    const manager = await jetstreamManager(client);
    const message = await manager.streams.getMessage(NAMES[at.place], { seq: at.sequence });
    if (message === null) throw new Error('it is not there');
    return decodeCall({ seq: message.seq, headers: message.header, data: message.data }, at.place);
  };
  const messages = async (stream: string): Promise<number> => {
    if (client === undefined) throw new Error('no client');
    return (await (await jetstreamManager(client)).streams.info(stream)).state.messages;
  };
  /** A client that says how long its body is, and sends a part of it. */
  const begin = async (length: number, part: number): Promise<Socket> => {
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    socket.write(`POST /async-function/fn HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
    if (!socket.write(Buffer.alloc(part))) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    return socket;
  };

  it('are in the stream when they are answered, under the id that is told', async () => {
    await start();
    const answer = await post('hello', { 'X-Custom': 'ü' });
    expect([answer.status, await answer.text()]).to.deep.equal([202, '']);
    const id = answer.headers.get('x-call-id') ?? '';
    const call = await stored(id);
    expect(call.id).to.equal(id);
    expect(call.path).to.equal('/path?q=1');
    expect(Buffer.from(call.body as Uint8Array).toString()).to.equal('hello');
    expect(call.headers[call.headers.findIndex((name) => name.toLowerCase() === 'x-custom') + 1]).to.equal(
      'ü',
    );
    const late = await post('hello', { 'X-Skep-Delay': '1h' });
    expect((await stored(late.headers.get('x-call-id') ?? '')).runAt).to.be.greaterThan(
      Date.now() + 3_500_000,
    );
    await until(
      'three are counted',
      async () => (await gateway.metric('gateway_async_accepted_total'))[FN] === 3,
    );
    // Nothing was run by that.
    expect(replicas.answered(0)).to.equal(0);
  });

  it('are refused at once while NATS is away, as nobody else is, and accepted again without a restart', async () => {
    await start();
    await nats.kill();
    await until('the loss is noticed', async () => (await post()).status === 503);
    const refused = await post();
    expect([
      refused.status,
      refused.headers.get('x-skep-error'),
      refused.headers.get('retry-after'),
    ]).to.deep.equal([503, 'queue_unavailable', '1']);
    expect((await gateway.call('/function/fn')).body).to.equal('at once');
    const long = await post(new Uint8Array(2_000_000)).catch((error: Error) => error);
    if (!(long instanceof Error)) expect(long.status).to.equal(503);
    await nats.start();
    await until('a call is accepted again', async () => (await post()).status === 202);
  });

  it('go on when the worker that took them is killed, and stay counted', async () => {
    await start();
    await until(
      'one is counted',
      async () => (await gateway.metric('gateway_async_accepted_total'))[FN] === 1,
    );
    const [worker = 0] = gateway.workers();
    process.kill(worker, 'SIGKILL');
    await until('a call is accepted by another', async () => {
      const answer = await post().catch(() => undefined);
      return answer?.status === 202;
    });
    await until(
      'two are counted',
      async () => (await gateway.metric('gateway_async_accepted_total'))[FN] === 2,
    );
  });

  it('with long bodies leave nothing in the store when their client leaves, or the body is too long', async () => {
    await start({ async_body_limit: '4000000' });
    const stream = `OBJ_${NAMES.bodies}`;
    expect((await post(new Uint8Array(2_000_000))).status).to.equal(202);
    const ofOne = await messages(stream);
    const socket = await begin(3_000_000, 2_000_000);
    await until('a part is stored', async () => (await messages(stream)) > ofOne);
    socket.destroy();
    await until('it is taken back', async () => (await messages(stream)) === ofOne);
    const chunked = await fetch(`http://127.0.0.1:${gateway.port}/async-function/fn`, {
      method: 'POST',
      body: new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
      }),
    }).catch((error: Error) => error);
    if (!(chunked instanceof Error)) expect(chunked.status).to.equal(413);
    await until('the refusal is counted', async () => {
      return (await gateway.metric('gateway_async_refused_total'))['{reason="body_too_large"}'] === 1;
    });
    await until('nothing of it is left', async () => (await messages(stream)) === ofOne);
  });

  it('that are sent slowly hold no more memory than all may, and the slowest are told', async () => {
    await start({ buffer_limit_bytes: '1048576' });
    const answers: string[] = [];
    for (let client = 0; client < 6; client++) {
      const socket = await begin(500_000, 400_000);
      socket.on('data', (bytes) => answers.push(bytes.toString('latin1')));
    }
    await until('some are given up', async () => answers.length >= 4);
    for (const answer of answers) {
      expect(answer).to.match(/^HTTP\/1\.1 503 /);
      expect(answer).to.contain('queue_unavailable');
    }
    const held = await gateway.metric('gateway_worker_held_bytes');
    expect(held['{worker="1"}']).to.be.within(1, 1_048_576);
    expect((await post()).status).to.equal(202);
  });

  it('are refused for a queue that nobody has ever served, by its name', async () => {
    await start();
    const annotations = { 'com.openfaas.queue': 'elsewhere' };
    await gateway.call('/system/functions', { json: { service: 'other', image: 'test:1', annotations } });
    const answer = await gateway.call('/async-function/other', { method: 'POST' });
    expect([answer.status, answer.headers['x-skep-error']]).to.deep.equal([503, 'queue_not_served']);
    expect(answer.body).to.contain('elsewhere');
  });

  it('are refused soon by a NATS without JetStream, and with the reason', async () => {
    nats = await startNats({ jetStream: false });
    replicas = await startReplicas(1, (_, outgoing) => void outgoing.end('at once'));
    gateway = await runGateway({
      gateway_workers: '1',
      function_port: String(replicas.port),
      faas_nats_address: nats.host,
      faas_nats_port: String(nats.port),
    });
    await gateway.call('/system/functions', { json: { service: 'fn', image: 'test:1' } });
    await until('NATS is there', async () => (await (await post()).text()).includes('stream'));
    const answer = await post();
    expect([answer.status, answer.headers.get('x-skep-error')]).to.deep.equal([503, 'queue_unavailable']);
    expect((await gateway.call('/function/fn')).status).to.equal(200);
  });

  it('of a function with nonsense in its annotations are not to come: it is not deployed', async () => {
    await start();
    const annotations = { 'com.openfaas.retry.codes': '5xx' };
    const json = { service: 'other', image: 'test:1', annotations };
    const { status, body } = await gateway.call('/system/functions', { json });
    expect(status).to.equal(400);
    expect(body).to.contain('com.openfaas.retry.codes');
  });
});
