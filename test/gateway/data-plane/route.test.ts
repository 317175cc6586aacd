import { expect } from 'chai';
import { route } from '../../../gateway/data-plane/route.ts';

describe('route', () => {
  const functionRoutes: [string, string, string][] = [
    ['/function/env', 'env', '/'],
    ['/function/env/', 'env', '/'],
    ['/function/env.dev/a/b?x=1', 'env.dev', '/a/b?x=1'],
    ['/function/env?x=1', 'env', '/?x=1'],
    ['/function/env/../../system/functions', 'env', '/../../system/functions'],
    ['/function/env//a/%2e%2e/', 'env', '//a/%2e%2e/'],
    ['/function/.openfaas-fn', '.openfaas-fn', '/'],
    ['http://skep:8080/function/env/x', 'env', '/x'],
  ];
  for (const [target, name, rest] of functionRoutes) {
    it(`sends ${target} to the function ${name} as ${rest}`, () => {
      expect(route(target)).to.deep.equal({ plane: 'function', name, rest });
    });
  }

  it('sends a POST below /async-function/ to a function, and a DELETE to the control plane as it came', () => {
    expect(route('/async-function/env.dev/a?x=1')).to.deep.equal({
      plane: 'async',
      post: { plane: 'function', name: 'env.dev', rest: '/a?x=1' },
      delete: { plane: 'control', target: '/async-function/env.dev/a?x=1' },
    });
    // The id of a call may have bytes that no function's name has.
    expect(route('/async-function/order%2F7')).to.deep.include({
      post: { plane: 'refused', message: 'order%2F7 is not a function name' },
      delete: { plane: 'control', target: '/async-function/order%2F7' },
    });
    expect(route('/async-function/../system/functions')).to.deep.include({
      post: { plane: 'refused', message: 'the path has a . or .. segment in place of a function name' },
      delete: { plane: 'refused', message: 'the path has a . or .. segment; ask for the path itself' },
    });
  });

  for (const target of [
    '/',
    '/async-function',
    '/async-functions/x',
    '/system/functions?namespace=a',
    '/functions/x',
    '/healthz',
    '//function/env',
    '/function',
  ]) {
    it(`leaves ${target} to the control plane as it came`, () => {
      expect(route(target)).to.deep.equal({ plane: 'control', target });
    });
  }

  const refused = [
    '*',
    'function/env',
    '/function/',
    '/function//env',
    '/function/../system/functions',
    '/function/.',
    '/function/%2e%2E/x',
    '/function/%65nv',
    '/./function/env',
    '/ui/../system/functions',
    '/system/%2e%2e/x',
    '/a/.%2e',
  ];
  for (const target of refused) {
    it(`refuses ${target}`, () => {
      expect(route(target).plane).to.equal('refused');
    });
  }

  it('takes dots in a query for what they are', () => {
    expect(route('/healthz?a=/../').plane).to.equal('control');
  });
});
