import { expect } from 'chai';
import { isFunctionName, qualifiedName, splitFunctionName } from '../../contract/function-ref.ts';

describe('function names', () => {
  it('splits name.namespace at the last dot', () => {
    expect(splitFunctionName('a.b.dev')).to.deep.equal({ name: 'a.b', namespace: 'dev' });
  });
  it('puts a bare name into the default namespace', () => {
    expect(qualifiedName(splitFunctionName('env'))).to.equal('env.openfaas-fn');
  });
  it('takes RFC 1123 labels of at most 63 characters and nothing else', () => {
    expect(['a', 'a-1', '0', 'x'.repeat(63)].map(isFunctionName)).to.deep.equal([true, true, true, true]);
    expect(['', '-a', 'a-', 'A', 'a_b', 'a.b', 'x'.repeat(64), 'a\n'].some(isFunctionName)).to.equal(false);
  });
});
