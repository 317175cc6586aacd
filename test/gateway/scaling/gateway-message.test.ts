import { expect } from 'chai';
import fc from 'fast-check';
import type { GatewayLoad } from '../../../gateway/scaling/function-load.ts';
import {
  decodeGatewayMessage,
  encodeGatewayMessage,
  functionsPerMessage,
  type GatewayMessage,
} from '../../../gateway/scaling/gateway-message.ts';

describe('what a gateway tells the others', () => {
  const loads = new Map([['echo.openfaas-fn', { started: 12, inFlight: 3 }]]);

  const messages: readonly GatewayMessage[] = [
    { id: 'a', kind: 'some', asks: false, loads },
    { id: 'a', kind: 'some', asks: true, loads: new Map() },
    { id: 'a', kind: 'all', telling: 7, part: 2, parts: 3, loads },
    {
      id: 'a',
      kind: 'alerts',
      news: {
        key: 'echo.openfaas-fn',
        alerts: [
          { status: 'firing', occurrence: { id: '0f', startsAtMs: 1_700_000_000_000 } },
          { status: 'resolved' },
        ],
        goal: 5,
        isDone: true,
      },
    },
    { id: 'a', kind: 'bye' },
  ];
  for (const message of messages) {
    it(`is understood: ${encodeGatewayMessage(message)}`, () => {
      expect(decodeGatewayMessage(encodeGatewayMessage(message))).to.deep.equal(message);
    });
  }

  it('has few bytes', () => {
    expect(encodeGatewayMessage({ id: 'a', kind: 'some', asks: false, loads })).to.equal(
      '{"id":"a","kind":"some","asks":false,"loads":{"echo.openfaas-fn":[12,3]}}',
    );
  });

  it('fits into a message with the longest names and the largest counts', () => {
    const most = functionsPerMessage(65_536);
    const many = new Map<string, GatewayLoad>();
    for (let n = 0; n < most; n++) {
      many.set(`${n}`.padEnd(63, 'x').concat('.', 'y'.repeat(63)), {
        started: Number.MAX_SAFE_INTEGER,
        inFlight: Number.MAX_SAFE_INTEGER,
      });
    }
    const text = encodeGatewayMessage({
      id: 'x'.repeat(128),
      kind: 'all',
      telling: Number.MAX_SAFE_INTEGER,
      part: 1000,
      parts: 1000,
      loads: many,
    });
    expect(text.length).to.be.at.most(65_536);
    expect(most).to.be.at.least(300);
    expect(functionsPerMessage(100)).to.equal(1);
  });

  const bad: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no id', '{"kind":"bye"}'],
    ['an empty id', '{"id":"","kind":"bye"}'],
    ['an endless id', JSON.stringify({ id: 'x'.repeat(129), kind: 'bye' })],
    ['an id that is no text', '{"id":7,"kind":"bye"}'],
    ['an unknown kind', '{"id":"a","kind":"hello","loads":{}}'],
    ['no loads', '{"id":"a","kind":"some"}'],
    ['loads that are a list', '{"id":"a","kind":"some","loads":[]}'],
    ['a load that is a number', '{"id":"a","kind":"some","loads":{"f":7}}'],
    ['a load of three', '{"id":"a","kind":"some","loads":{"f":[1,2,3]}}'],
    ['a negative count', '{"id":"a","kind":"some","loads":{"f":[-1,0]}}'],
    ['a fraction', '{"id":"a","kind":"some","loads":{"f":[1.5,0]}}'],
    ['a count without end', '{"id":"a","kind":"some","loads":{"f":[1e300,0]}}'],
    ['a count that is text', '{"id":"a","kind":"some","loads":{"f":["1",0]}}'],
    ['a name that is empty', '{"id":"a","kind":"some","loads":{"":[1,0]}}'],
    ['a name without end', JSON.stringify({ id: 'a', kind: 'some', loads: { ['x'.repeat(129)]: [1, 0] } })],
    ['news of nothing', '{"id":"a","kind":"alerts"}'],
    ['news without alerts', '{"id":"a","kind":"alerts","news":{"key":"f","goal":1}}'],
    [
      'an alert that does neither',
      '{"id":"a","kind":"alerts","news":{"key":"f","goal":1,"alerts":[{"status":"x"}]}}',
    ],
    ['a goal below 0', '{"id":"a","kind":"alerts","news":{"key":"f","goal":-1,"alerts":[]}}'],
    [
      'an alert since no time',
      '{"id":"a","kind":"alerts","news":{"key":"f","goal":1,"alerts":[{"status":"firing","occurrence":{"id":"0f"}}]}}',
    ],
    ['part 0', '{"id":"a","kind":"all","telling":1,"part":0,"parts":1,"loads":{}}'],
    ['part 2 of 1', '{"id":"a","kind":"all","telling":1,"part":2,"parts":1,"loads":{}}'],
    ['no number of its telling', '{"id":"a","kind":"all","part":1,"parts":1,"loads":{}}'],
    ['what is inherited', '{"__proto__":{"id":"a","kind":"bye"}}'],
  ];
  for (const [what, text] of bad) {
    it(`is refused: ${what}`, () => {
      expect(() => decodeGatewayMessage(text)).to.throw(Error);
    });
  }

  it('comes back as it went, whatever the functions are called', () => {
    const entry = fc.tuple(
      fc.string({ minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0 }),
      fc.integer({ min: 0 }),
    );
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const told = new Map(
          entries.map(([name, started, inFlight]) => [name, { started, inFlight }] as const),
        );
        const message: GatewayMessage = { id: 'a', kind: 'some', asks: false, loads: told };
        const back = decodeGatewayMessage(encodeGatewayMessage(message));
        expect(back.kind === 'some' && back.loads.size).to.equal(told.size);
        for (const [name, load] of told)
          expect(back.kind === 'some' && back.loads.get(name)).to.deep.equal(load);
      }),
    );
  });
});
