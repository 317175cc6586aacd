import { expect } from 'chai';
import fc from 'fast-check';
import type { GatewayLoad } from '../../../gateway/scaling/function-load.ts';
import { LoadExchange } from '../../../gateway/scaling/load-exchange.ts';

const TICK_MS = 500;
const MOST = 2;

type Loads = Map<string, GatewayLoad>;

describe('what gateways tell each other of their calls', () => {
  const loads = (fns: Record<string, readonly [number, number]>): Loads =>
    new Map(Object.entries(fns).map(([name, [started, inFlight]]) => [name, { started, inFlight }] as const));

  it('is all of it at first, and then what has changed', () => {
    const exchange = new LoadExchange('a');
    const own = loads({ echo: [3, 1], idle: [0, 0] });
    const [some, all] = exchange.tell(own, 10);
    expect(some).to.deep.include({ id: 'a', kind: 'some', asks: true });
    expect(all).to.deep.equal({
      id: 'a',
      kind: 'all',
      telling: 1,
      part: 1,
      parts: 1,
      loads: loads({ echo: [3, 1] }),
    });
    expect(exchange.tell(own, 10)).to.deep.equal([{ id: 'a', kind: 'some', asks: false, loads: new Map() }]);
    own.set('echo', { started: 3, inFlight: 0 });
    expect(exchange.tell(own, 10)).to.deep.equal([
      { id: 'a', kind: 'some', asks: false, loads: loads({ echo: [3, 0] }) },
    ]);
  });

  it('is all of it when somebody asks, when messages may have been lost, and every tenth time', () => {
    const exchange = new LoadExchange('a');
    const kinds = (): string[] => exchange.tell(loads({ echo: [3, 1] }), 10).map(({ kind }) => kind);
    kinds();
    expect(kinds()).to.deep.equal(['some']);
    exchange.hear({ id: 'b', kind: 'some', asks: true, loads: new Map() }, 0);
    expect(kinds()).to.deep.equal(['all']);
    exchange.beginAnew();
    expect(kinds()).to.deep.equal(['some', 'all']);
    const following = Array.from({ length: 20 }, () => kinds().join());
    expect(following.filter((each) => each === 'all').length).to.equal(2);
  });

  it('is known to be all when every part has come', () => {
    const [a, b] = [new LoadExchange('a'), new LoadExchange('b')];
    const messages = a.tell(loads({ f: [1, 1], g: [1, 1], h: [1, 1], i: [1, 1], j: [1, 1] }), MOST);
    const told = messages.map((message) => ({ kind: message.kind, isAll: b.hear(message, 0) }));
    expect(told.filter(({ kind }) => kind === 'all').map(({ isAll }) => isAll)).to.deep.equal([
      false,
      false,
      true,
    ]);
    expect(b.sum(new Map(), 0).size).to.equal(5);
    expect(b.others(0)).to.deep.equal(['a']);
  });

  it('is the truth in the end, whatever messages are lost, and never more than it', () => {
    const step = fc.record({
      gateway: fc.nat({ max: 2 }),
      fn: fc.constantFrom('f', 'g', 'h', 'i', 'j'),
      calls: fc.nat({ max: 9 }),
      isRemoved: fc.boolean(),
      isLost: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const ids = ['a', 'b', 'c'];
        const exchanges = ids.map((id) => new LoadExchange(id));
        const owns: Loads[] = ids.map(() => new Map());
        const counted = ids.map(() => 0);
        let started = 0;
        let nowMs = 0;
        const tick = (isLost: (index: number) => boolean): void => {
          nowMs += TICK_MS;
          for (const [index, exchange] of exchanges.entries()) {
            for (const message of exchange.tell(owns[index] ?? new Map(), MOST)) {
              expect(message.loads.size).to.be.at.most(MOST);
              if (isLost(index)) continue;
              for (const other of exchanges) if (other !== exchange) other.hear(message, nowMs);
            }
          }
          for (const [index, exchange] of exchanges.entries()) {
            for (const sum of exchange.sum(owns[index] ?? new Map(), nowMs).values()) {
              counted[index] = (counted[index] ?? 0) + sum.started;
            }
          }
        };
        for (const { gateway, fn, calls, isRemoved, isLost } of steps) {
          const own = owns[gateway];
          if (isRemoved && calls === 0) own?.delete(fn);
          else own?.set(fn, { started: (own.get(fn)?.started ?? 0) + calls, inFlight: calls });
          started += calls;
          tick((index) => isLost && index === gateway);
        }
        for (let n = 0; n < 11; n++) tick(() => false);
        const truth = new Map<string, number>();
        for (const own of owns) {
          for (const [name, { inFlight }] of own) truth.set(name, (truth.get(name) ?? 0) + inFlight);
        }
        for (const [index, exchange] of exchanges.entries()) {
          const sums = exchange.sum(owns[index] ?? new Map(), nowMs);
          for (const [name, inFlight] of truth) expect(sums.get(name)?.inFlight ?? 0).to.equal(inFlight);
          expect(counted[index]).to.be.at.most(started);
        }
      }),
    );
  });
});
