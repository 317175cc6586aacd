import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import { parseQueueAnnotations } from '../../contract/parse-queue-annotations.ts';

describe('parseQueueAnnotations', () => {
  it('says nothing where nothing is said', () => {
    expect(parseQueueAnnotations({ topic: 'x' })).to.deep.equal({});
  });

  it('reads all of them', () => {
    const annotations = {
      'com.openfaas.queue': 'slow-queue',
      'com.openfaas.retry.attempts': '30',
      'com.openfaas.retry.codes': '429, 500,429',
      'com.openfaas.retry.min_wait': '5s',
      'com.openfaas.retry.max_wait': '1m',
      'com.skep.then': 'resize, store.media',
    };
    expect(parseQueueAnnotations(annotations)).to.deep.equal({
      queue: 'slow-queue',
      retry: { retries: 30, codes: [429, 500], minWaitMs: 5000, maxWaitMs: 60_000 },
      followers: ['resize', 'store.media'],
    });
  });

  it('takes no retries at all for an answer', () => {
    expect(parseQueueAnnotations({ 'com.openfaas.retry.attempts': '0' }).retry).to.deep.equal({ retries: 0 });
  });

  const refused: readonly (readonly [string, string])[] = [
    ['com.openfaas.queue', ''],
    ['com.openfaas.queue', 'Slow'],
    ['com.openfaas.queue', 'a.b'],
    ['com.openfaas.queue', 'a>'],
    ['com.openfaas.queue', 'q'.repeat(65)],
    ['com.openfaas.retry.attempts', ''],
    ['com.openfaas.retry.attempts', '-1'],
    ['com.openfaas.retry.attempts', '1001'],
    ['com.openfaas.retry.attempts', 'many'],
    ['com.openfaas.retry.attempts', '1.5'],
    ['com.openfaas.retry.codes', ''],
    ['com.openfaas.retry.codes', '200'],
    ['com.openfaas.retry.codes', '429;500'],
    ['com.openfaas.retry.codes', '429,'],
    ['com.openfaas.retry.codes', '5xx'],
    ['com.openfaas.retry.min_wait', '-5s'],
    ['com.openfaas.retry.min_wait', 'soon'],
    ['com.openfaas.retry.max_wait', '169h'],
    ['com.skep.then', ''],
    ['com.skep.then', 'a,,b'],
    ['com.skep.then', 'a/b'],
    ['com.skep.then', 'a.b.c'],
    ['com.skep.then', '../system'],
    ['com.skep.then', Array.from({ length: 16 }, (_, i) => `f${i}`).join()],
  ];
  for (const [key, value] of refused) {
    it(`refuses ${key} ${JSON.stringify(value.slice(0, 30))} by its name`, () => {
      expect(() => parseQueueAnnotations({ [key]: value })).to.throw(ContractError, key);
    });
  }

  it('refuses a first wait that is longer than the longest', () => {
    const annotations = { 'com.openfaas.retry.min_wait': '2m', 'com.openfaas.retry.max_wait': '1m' };
    expect(() => parseQueueAnnotations(annotations)).to.throw(ContractError, 'com.openfaas.retry.max_wait');
  });

  it('is asked at deployment', () => {
    const deployment = { service: 'fn', image: 'fn:1', annotations: { 'com.openfaas.retry.codes': 'all' } };
    expect(() => parseDeployment(deployment)).to.throw(ContractError, 'com.openfaas.retry.codes');
  });
});
