import { expect } from 'chai';
import { readyPath } from '../../../gateway/functions/ready-path.ts';

describe('where a replica tells whether it takes calls', () => {
  const cases: readonly [annotations: Readonly<Record<string, string>>, path: string][] = [
    [{}, '/_/health'],
    [{ 'com.openfaas.http.path': '/old' }, '/old'],
    [{ 'com.openfaas.http.path': '/old', 'com.openfaas.health.http.path': '/well' }, '/well'],
    [{ 'com.openfaas.health.http.path': '/well', 'com.openfaas.ready.http.path': '/_/ready' }, '/_/ready'],
    [{ 'com.openfaas.ready.http.path': 'ready', 'com.openfaas.health.http.path': '/well' }, '/well'],
  ];
  for (const [annotations, path] of cases) {
    it(`is ${path} with ${JSON.stringify(annotations)}`, () => {
      expect(readyPath(annotations)).to.equal(path);
    });
  }
});
