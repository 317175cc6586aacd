import { expect } from 'chai';
import { FaasError } from '../../../gateway/errors.ts';
import { checkFunctionRef } from '../../../gateway/functions/check-function-ref.ts';
import { toServiceName } from '../../../gateway/swarm/service-name.ts';

describe('the name of a function’s service', () => {
  const inDefault = (name: string) => ({ name, namespace: 'openfaas-fn' });

  it('is the function’s in the default namespace, and carries the namespace elsewhere', () => {
    expect(toServiceName(inDefault('echo'))).to.equal('echo');
    expect(toServiceName({ name: 'echo', namespace: 'dev' })).to.equal('echo_dev');
    expect(toServiceName({ name: 'echo', namespace: 'dev' }, 'dev')).to.equal('echo');
  });

  it('stays within 63 characters, ends in a hash when cut, and never coincides', () => {
    const long = 'x'.repeat(63);
    const names = ['a', 'b', 'y'.repeat(63)].map((namespace) => toServiceName({ name: long, namespace }));
    names.push(toServiceName({ name: `${'x'.repeat(51)}-${'x'.repeat(11)}`, namespace: 'a' }));
    expect(new Set(names).size).to.equal(names.length);
    for (const name of names) {
      expect(name.length).to.be.at.most(63);
      expect(name).to.match(/^x+_[0-9a-f]{10}$/);
    }
  });

  for (const name of [
    'gateway',
    'queue-worker',
    'nats',
    'prometheus',
    'alertmanager',
    'grafana',
    'registry',
  ]) {
    it(`may not be ${name}, which the platform answers to`, () => {
      expect(() => checkFunctionRef(inDefault(name))).to.throw(FaasError, name);
    });
  }

  it('may not take the place of a service of the platform’s stack', () => {
    for (const namespace of ['gateway', 'grafana']) {
      expect(() => checkFunctionRef({ name: 'skep', namespace })).to.throw(FaasError, namespace);
    }
    checkFunctionRef({ name: 'skep', namespace: 'dev' });
  });

  it('may be a platform’s name in another namespace, where it shadows nothing', () => {
    checkFunctionRef({ name: 'registry', namespace: 'dev' });
  });
});
