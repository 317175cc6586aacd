import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseAlerts } from '../../contract/parse-alerts.ts';

const AT = '2026-11-21T21:00:00.123456789Z';
const entry = (fields: object = {}) => ({
  status: 'firing',
  labels: { function_name: 'echo.openfaas-fn', alertname: 'busy' },
  ...fields,
});
const parse = (...alerts: unknown[]) => parseAlerts({ alerts });

describe('the alerts of a notification', () => {
  it('are read each with its own status, whatever else is said', () => {
    const [firing, resolved] = parse(entry({ annotations: 5 }), entry({ status: 'resolved' }));
    expect(firing).to.deep.equal({ status: 'firing', functionName: 'echo.openfaas-fn' });
    expect(resolved).to.deep.equal({ status: 'resolved', functionName: 'echo.openfaas-fn' });
    expect(parseAlerts({ status: 'resolved', alerts: [entry()] })).to.deep.equal([firing]);
  });

  it('are known again by their fingerprint and their begin', () => {
    expect(parse(entry({ startsAt: AT, fingerprint: '5e7ccc63ee4bb26a' }))).to.deep.equal([
      {
        status: 'firing',
        functionName: 'echo.openfaas-fn',
        occurrence: { id: '5e7ccc63ee4bb26a', startsAtMs: Date.parse('2026-11-21T21:00:00.123Z') },
      },
    ]);
  });

  it('are known again by their labels, in any order, where there is no fingerprint', () => {
    const idOf = (labels: object, fingerprint?: unknown) => {
      const [alert] = parse({ status: 'firing', labels, startsAt: AT, fingerprint });
      return alert instanceof ContractError ? undefined : alert?.occurrence?.id;
    };
    const id = idOf({ function_name: 'echo', code: '200' });
    expect(id).to.match(/^[0-9a-f]{32}$/);
    expect(idOf({ code: '200', function_name: 'echo' })).to.equal(id);
    expect(idOf({ code: '200', function_name: 'echo' }, 'no fingerprint')).to.equal(id);
    expect(idOf({ code: '201', function_name: 'echo' })).not.to.equal(id);
  });

  for (const startsAt of [undefined, null, '', 'yesterday', 5, '0001-01-01T00:00:00Z', {}])
    it(`are each a new one with ${JSON.stringify(startsAt)} for a begin`, () => {
      expect(parse(entry({ startsAt }))).to.deep.equal([
        { status: 'firing', functionName: 'echo.openfaas-fn' },
      ]);
    });

  it('are read though others beside them cannot be', () => {
    const bad = [
      null,
      5,
      {},
      entry({ status: 'none' }),
      entry({ labels: {} }),
      entry({ labels: { function_name: 5 } }),
    ];
    const [first, ...others] = parse(entry(), ...bad);
    expect(first).not.to.be.instanceOf(ContractError);
    expect(others.map((other) => (other as Error).message)).to.deep.equal([
      'alerts[1]: expected an object, not null',
      'alerts[2]: expected an object, not a number',
      'alerts[3].status: expected firing or resolved, not nothing',
      'alerts[4].status: expected firing or resolved, not "none"',
      'alerts[5].labels.function_name: is required',
      'alerts[6].labels.function_name: expected a string, not a number',
    ]);
  });

  it('must be a list', () => {
    for (const body of [null, [], {}, { alerts: {} }])
      expect(() => parseAlerts(body)).to.throw(ContractError);
  });
});
