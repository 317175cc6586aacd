import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseAlerts } from '../../contract/parse-alerts.ts';
import { parseDeleteRequest, parseScaleRequest } from '../../contract/parse-requests.ts';

describe('parseScaleRequest', () => {
  it('takes zero replicas', () => {
    expect(parseScaleRequest({ serviceName: 'echo', replicas: 0, namespace: 'dev' })).to.deep.equal({
      serviceName: 'echo',
      replicas: 0,
      namespace: 'dev',
    });
  });

  for (const replicas of [undefined, null, '3', -1, 1.5, 10_001, 1e300, [], {}]) {
    it(`refuses ${JSON.stringify(replicas)} replicas`, () => {
      expect(() => parseScaleRequest({ replicas })).to.throw(
        ContractError,
        /^replicas: expected a whole number/,
      );
    });
  }
});

describe('parseDeleteRequest', () => {
  it('wants a function name', () => {
    expect(parseDeleteRequest({ functionName: 'echo' })).to.deep.equal({ functionName: 'echo' });
    for (const body of [{}, { functionName: '' }, { functionName: null }]) {
      expect(() => parseDeleteRequest(body)).to.throw(ContractError, 'functionName: is required');
    }
  });
});

describe('parseAlerts', () => {
  it('reads each entry on its own status and passes over the rest', () => {
    const body = {
      status: 'firing',
      receiver: 'scale-up',
      alerts: [
        { status: 'firing', labels: { function_name: 'a.ns', alertname: 'x' }, startsAt: '…' },
        { status: 'resolved', labels: { function_name: 'b' } },
      ],
    };
    expect(parseAlerts(body)).to.deep.equal([
      { status: 'firing', functionName: 'a.ns' },
      { status: 'resolved', functionName: 'b' },
    ]);
  });

  it('keeps the good entries when others are bad', () => {
    const good = { status: 'firing', labels: { function_name: 'a' } };
    const [first, ...bad] = parseAlerts({
      alerts: [
        good,
        null,
        { status: 'FIRING', labels: {} },
        { status: 'firing' },
        { status: 'firing', labels: {} },
      ],
    });
    expect(first).to.deep.equal({ status: 'firing', functionName: 'a' });
    expect(bad.map((each) => (each as Error).message)).to.deep.equal([
      'alerts[1]: expected an object, not null',
      'alerts[2].status: expected firing or resolved, not "FIRING"',
      'alerts[3].labels: expected an object, not nothing',
      'alerts[4].labels.function_name: is required',
    ]);
  });

  for (const body of [null, [], {}, { alerts: {} }]) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      expect(() => parseAlerts(body)).to.throw(ContractError);
    });
  }
});
