import { expect } from 'chai';
import type { FunctionSnapshot } from '../../../../gateway/functions/provider.ts';
import { type DataPlaneUnderTest, startDataPlane } from '../../../support/data-plane-with-upstream.ts';
import { HeldReplicas, running } from './held-replicas.ts';

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly retryAfter: string | null;
  readonly text: string;
}

describe('an invocation of a limited function', () => {
  let replicas: HeldReplicas;
  let snapshot: FunctionSnapshot;
  let gateway: DataPlaneUnderTest;
  const problems: string[] = [];

  beforeEach(async () => {
    replicas = new HeldReplicas();
    problems.length = 0;
    snapshot = {
      ref: { name: 'fn', namespace: 'openfaas-fn' },
      labels: {},
      annotations: {},
      envVars: {},
      desired: 1,
      replicas: running('127.0.0.1'),
      createdAt: '2026-01-01T00:00:00Z',
    };
    await replicas.start('127.0.0.1');
  });
  afterEach(() => {
    gateway.close();
    replicas.close();
  });

  const start = async (
    facts: Partial<FunctionSnapshot>,
    options: Partial<Parameters<typeof startDataPlane>[0]> = {},
  ): Promise<void> => {
    snapshot = { ...snapshot, ...facts };
    gateway = await startDataPlane({
      functionPort: replicas.port,
      snapshot: async () => [snapshot],
      onLimitProblem: (key, why) => problems.push(`${key}: ${why}`),
      ...options,
    });
  };

  const call = async (path = '', init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/function/fn${path}`, init);
    return {
      status: response.status,
      code: response.headers.get('x-skep-error'),
      retryAfter: response.headers.get('retry-after'),
      text: await response.text(),
    };
  };
  const answersAtOnce = (): void => {
    replicas.respond = (replica, _, response) => {
      response.end(replica);
      return true;
    };
  };

  describe('by concurrency', () => {
    it('is answered 429 past the limit, and passes again when a call has ended', async () => {
      await start({ labels: { 'com.skep.limit.concurrency': '2' } });
      const held = [call(), call()];
      await replicas.reached(2);
      const refused = await call();
      expect(refused).to.deep.include({ status: 429, code: 'function_concurrency_limited', retryAfter: '1' });
      expect(refused.text).to.contain('fn.openfaas-fn').and.contain('2');
      replicas.answerOne();
      await Promise.race(held);
      const next = call();
      await replicas.reached(2);
      replicas.answerOne();
      replicas.answerOne();
      expect((await Promise.all([...held, next])).map(({ status }) => status)).to.deep.equal([200, 200, 200]);
    });

    it('is counted until its client is gone, or its time is over', async () => {
      await start({
        labels: { 'com.skep.limit.concurrency': '1' },
        annotations: { 'com.skep.timeout': '300ms' },
      });
      const controller = new AbortController();
      const left = call('', { signal: controller.signal }).catch((error: Error) => error.name);
      await replicas.reached(1);
      controller.abort();
      expect(await left).to.equal('AbortError');
      while (gateway.records.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await call()).status).to.equal(504);
      answersAtOnce();
      expect((await call()).status).to.equal(200);
    });

    it('keeps its count when the limit changes under it', async () => {
      await start({ labels: { 'com.skep.limit.concurrency': '1' } });
      const held = call();
      await replicas.reached(1);
      snapshot = { ...snapshot, labels: {} };
      await gateway.dataPlane.refresh(snapshot.ref);
      gateway.dataPlane.nudge();
      snapshot = { ...snapshot, labels: { 'com.skep.limit.concurrency': '1' } };
      replicas.answerOne();
      expect((await held).status).to.equal(200);
      answersAtOnce();
      expect((await call()).status).to.equal(200);
    });
  });

  describe('by rate', () => {
    it('is answered 429 with the time of the next one when the burst is used up', async () => {
      answersAtOnce();
      await start({ labels: { 'com.skep.limit.rate': '0.1', 'com.skep.limit.burst': '3' } });
      const answers: Answer[] = [];
      for (let round = 0; round < 4; round++) answers.push(await call());
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 429]);
      expect(answers[3]?.code).to.equal('function_rate_limited');
      expect(Number(answers[3]?.retryAfter)).to.be.within(1, 10);
      expect(answers[3]?.text).to.contain('0.1');
    });

    it('costs a call that its concurrency refuses nothing', async () => {
      await start({
        labels: {
          'com.skep.limit.rate': '0.01',
          'com.skep.limit.burst': '2',
          'com.skep.limit.concurrency': '1',
        },
      });
      const held = call();
      await replicas.reached(1);
      expect((await call()).code).to.equal('function_concurrency_limited');
      replicas.answerOne();
      await held;
      answersAtOnce();
      expect((await call()).status).to.equal(200);
      expect((await call()).code).to.equal('function_rate_limited');
    });
  });

  describe('by max_inflight of its replicas', () => {
    const two = { replicas: running('127.0.0.1', '127.0.0.2'), desired: 2, envVars: { max_inflight: '1' } };

    it('goes to a replica that has room, and is answered 429 when none has', async () => {
      await replicas.start('127.0.0.2');
      await start(two);
      // Both are ready once each has answered.
      answersAtOnce();
      const seen = new Set<string>();
      while (seen.size < 2) seen.add((await call()).text);
      replicas.respond = undefined;
      for (let round = 0; round < 5; round++) {
        const held = [call(), call()];
        await replicas.reached(2);
        expect(new Set(replicas.held.map(({ replica }) => replica)).size).to.equal(2);
        expect(await call()).to.deep.include({ status: 429, code: 'replicas_busy', retryAfter: '1' });
        replicas.answerOne();
        replicas.answerOne();
        await Promise.all(held);
      }
    });

    it('has the gateway’s limit where the function has none, and none where it says so', async () => {
      await start({}, { replicaMaxInflight: 1 });
      const held = call();
      await replicas.reached(1);
      expect(await call()).to.deep.include({ status: 429, code: 'replicas_busy' });
      snapshot = { ...snapshot, envVars: { max_inflight: '0' } };
      gateway.dataPlane.nudge();
      answersAtOnce();
      while ((await call()).status === 429) await new Promise((resolve) => setTimeout(resolve, 5));
      replicas.answerOne();
      expect((await held).status).to.equal(200);
    });

    it('is tried once on another replica when a watchdog says that it has too many, and ran nothing', async () => {
      await replicas.start('127.0.0.2');
      await start({ ...two, envVars: {} });
      const asked: string[] = [];
      replicas.respond = (replica, _, response) => {
        asked.push(replica);
        if (replica === '127.0.0.1') {
          response.writeHead(429, { 'X-OpenFaaS-Internal': 'faas-middleware' }).end('too many');
        } else response.end(replica);
        return true;
      };
      while (!asked.includes('127.0.0.1')) expect((await call()).text).to.equal('127.0.0.2');
      // Its word is no reason to send it nothing more.
      while (asked.filter((replica) => replica === '127.0.0.1').length < 2) await call();
      // A body is used up.
      const answers = new Set<number>();
      while (!answers.has(429)) answers.add((await call('', { method: 'POST', body: 'x' })).status);
    });

    it('has a 429 of every watchdog passed on, with what the last one says', async () => {
      await replicas.start('127.0.0.2');
      await start({ ...two, envVars: {} });
      let asked = 0;
      replicas.respond = (_, __, response) => {
        asked++;
        response.writeHead(429, { 'X-OpenFaaS-Internal': 'faas-middleware' }).end('too many');
        return true;
      };
      let before = 0;
      let answer: Answer;
      do {
        before = asked;
        answer = await call();
      } while (asked - before < 2); // until both replicas are ready
      expect(answer).to.deep.include({ status: 429, code: null, text: 'too many' });
      expect(asked - before).to.equal(2);
    });

    it('has a 429 that is the function’s own passed on, and is sent once', async () => {
      await replicas.start('127.0.0.2');
      await start({ ...two, envVars: {} });
      let asked = 0;
      replicas.respond = (_, __, response) => {
        asked++;
        response.writeHead(429).end('slow down');
        return true;
      };
      for (let round = 1; round <= 10; round++) {
        expect(await call()).to.deep.include({ status: 429, text: 'slow down' });
        expect(asked).to.equal(round);
      }
    });

    it('waits in its place where the first replica has room for one call only', async () => {
      let desired = 0;
      let scaleCalls = 0;
      await start(
        { envVars: { max_inflight: '1' } },
        {
          snapshot: async () => [
            { ...snapshot, desired, replicas: desired === 0 ? [] : running('127.0.0.1') },
          ],
          scaleUp: async () => {
            scaleCalls++;
            desired = 1;
          },
        },
      );
      let most = 0;
      let now = 0;
      replicas.respond = (_, request, response) => {
        now++;
        most = Math.max(most, now);
        setImmediate(() => {
          now--;
          response.end(request.url);
        });
        return true;
      };
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => call(`/${index}`)));
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
      expect({ most, scaleCalls }).to.deep.equal({ most: 1, scaleCalls: 1 });
    });
  });

  describe('by time', () => {
    it('is answered 504 that names the function’s annotation', async () => {
      await start({ annotations: { 'com.skep.timeout': '100ms' } });
      const answer = await call();
      expect(answer).to.deep.include({ status: 504, code: 'upstream_timeout' });
      expect(answer.text).to.contain('its annotation com.skep.timeout (0.1 s)');
    });

    it('is answered 504 that names the function’s environment, but for an event stream', async () => {
      await start({ envVars: { write_timeout: '1ms', exec_timeout: '1ms' } });
      const stream = call('', { headers: { accept: 'text/event-stream' } });
      await replicas.reached(1);
      const answer = await call();
      expect(answer.status).to.equal(504);
      expect(answer.text).to.contain("its environment's write_timeout");
      replicas.held[0]?.answer();
      expect((await stream).status).to.equal(200);
    });

    it('is answered 504 that names the gateway’s limit where that is the shorter', async () => {
      await start({ annotations: { 'com.skep.timeout': '1h' } }, { upstreamTimeoutMs: 50 });
      const answer = await call();
      expect(answer.status).to.equal(504);
      expect(answer.text).to.contain('upstream_timeout (0.05 s)');
    });
  });

  it('is served without a limit that cannot be read, and the log is told', async () => {
    answersAtOnce();
    await start({
      labels: { 'com.skep.limit.rate': 'fast', 'com.skep.limit.concurrency': '-1' },
      annotations: { 'com.skep.timeout': 'soon' },
      envVars: { max_inflight: 'some', write_timeout: 'never' },
    });
    expect((await call()).status).to.equal(200);
    expect(problems.join('\n'))
      .to.contain('com.skep.limit.rate')
      .and.contain('com.skep.limit.concurrency')
      .and.contain('com.skep.timeout');
    expect(problems).to.have.length(3);
  });

  it('is recorded when it is refused', async () => {
    await start({ labels: { 'com.skep.limit.concurrency': '1' } });
    const held = call();
    await replicas.reached(1);
    await call();
    expect(gateway.records.map(({ status, key }) => ({ status, key }))).to.deep.equal([
      { status: 429, key: 'fn.openfaas-fn' },
    ]);
    replicas.answerOne();
    await held;
  });

  it('is one of max_inflight over all functions, too', async () => {
    await start({}, { maxInflight: 1 });
    const held = call();
    await replicas.reached(1);
    expect(await call()).to.deep.include({ status: 429, code: 'too_many_inflight', retryAfter: '1' });
    replicas.answerOne();
    expect((await held).status).to.equal(200);
    answersAtOnce();
    expect((await call()).status).to.equal(200);
  });
});
