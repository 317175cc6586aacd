import { expect } from 'chai';
import { type Attempt, type CallRecord, MOST_ATTEMPTS_TOLD } from '../../../gateway/queue/call.ts';
import { bareRecord, brief, fitRecord } from '../../../gateway/queue/fit-record.ts';
import { keptHeaders } from '../../../gateway/queue/kept-headers.ts';
import {
  MOST_RESULT_HEADER_BYTES,
  MOST_STORED_BYTES,
  storedBytes,
} from '../../../gateway/queue/stored-size.ts';

const ALL_CODES = Array.from({ length: 300 }, (_, index) => 300 + index);
const HEADERS = keptHeaders(
  Array.from({ length: 2000 }, (_, index) => [`x-${index}`, 'é']).flat(),
  MOST_RESULT_HEADER_BYTES,
);
const ATTEMPT: Attempt = {
  step: 15,
  attempt: 1001,
  startedAt: 1_795_000_000_000,
  seconds: 172_800.123456,
  error: 'é'.repeat(500),
};
/** All that a record can have, at its longest. */
const LONGEST: CallRecord = {
  id: '"'.repeat(128),
  instance: '0123456789abcdef',
  state: 'succeeded',
  acceptedAt: 1_795_000_000_000,
  steps: Array.from({ length: 16 }, () => ({
    function: `${'f'.repeat(63)}.${'n'.repeat(63)}`,
    queue: 'q'.repeat(64),
    retry: {
      retries: 1000,
      codes: ALL_CODES,
      minWaitMs: 604_799_999.999_999,
      maxWaitMs: 604_799_999.999_999,
    },
  })),
  step: 15,
  attempt: 1001,
  message: 281_474_976_710_655,
  startedAt: 1_795_000_000_000,
  runAt: 1_795_000_000_000,
  endedAt: 1_795_000_000_000,
  attempts: Array.from({ length: MOST_ATTEMPTS_TOLD }, () => ATTEMPT),
  reason: 'é'.repeat(500),
  result: { status: 200, headers: HEADERS, bytes: 1e15, kept: { name: 'n'.repeat(64), bytes: 1e15 } },
  callbackUrl: `http://a/${'"'.repeat(4087)}`,
  deadLetter: 281_474_976_710_655,
};

describe('a record that is to be stored', () => {
  it('is left as it is while it fits', () => {
    const short = { ...LONGEST, attempts: [], reason: 'why' };
    expect(fitRecord(short, MOST_STORED_BYTES)).to.equal(short);
  });

  it('fits at its longest: with all headers of the answer and all attempts, whose reasons are short', () => {
    expect(storedBytes(HEADERS)).to.be.within(MOST_RESULT_HEADER_BYTES - 30, MOST_RESULT_HEADER_BYTES);
    expect(storedBytes(LONGEST)).to.be.greaterThan(MOST_STORED_BYTES);
    const fitted = fitRecord(LONGEST, MOST_STORED_BYTES);
    expect(storedBytes(fitted)).to.be.at.most(MOST_STORED_BYTES);
    expect(fitted.result).to.deep.equal(LONGEST.result);
    expect(fitted.attempts).to.have.length(MOST_ATTEMPTS_TOLD);
    expect(fitted.attempts[0]).to.deep.equal({ ...ATTEMPT, error: 'é'.repeat(16) });
  });

  it('loses headers of the answer, then the oldest attempts, where there is less room', () => {
    const steps = LONGEST.steps.slice(0, 1);
    const attempts = LONGEST.attempts.map((one, index) => ({ ...one, attempt: index }));
    const record = { ...LONGEST, steps, attempts, callbackUrl: 'http://a/' };
    const fewer = fitRecord(record, 12_000);
    expect(storedBytes(fewer)).to.be.within(11_900, 12_000);
    expect(fewer.attempts).to.have.length(MOST_ATTEMPTS_TOLD);
    const few = fitRecord(record, 4000);
    expect(storedBytes(few)).to.be.at.most(4000);
    expect(few.result?.headers).to.deep.equal([]);
    expect(few.attempts.at(-1)?.attempt).to.equal(MOST_ATTEMPTS_TOLD - 1);
  });

  it('tells of its end, where nothing else fits', () => {
    const bare = bareRecord(LONGEST);
    expect(bare).to.deep.include({ state: 'succeeded', attempts: [], reason: 'é'.repeat(16) });
    expect(bare.result).to.deep.include({ status: 200, bytes: 1e15, headers: [] });
    expect(storedBytes(bare)).to.be.lessThan(MOST_STORED_BYTES);
  });

  it('has the beginning of texts, by what they take as they are stored', () => {
    expect(brief('short', 100)).to.equal('short');
    expect(brief('x'.repeat(101), 100)).to.equal('x'.repeat(100));
    expect(brief('é'.repeat(101), 100)).to.equal('é'.repeat(16));
    expect(brief('"'.repeat(101), 100)).to.equal('"'.repeat(50));
    expect(brief('é', 1)).to.equal('');
    expect(brief('', 0)).to.equal('');
  });
});
