import { expect } from 'chai';
import { ContractError } from '../../contract/contract-error.ts';
import { parseDeployment } from '../../contract/parse-deployment.ts';
import { parseFunctionSchedule } from '../../contract/parse-function-schedule.ts';

const cron = (schedule: string, more: Readonly<Record<string, string>> = {}) => ({
  topic: 'cron-function',
  schedule,
  ...more,
});
const inUtc = (pattern: string) => ({ kind: 'cron', pattern, timezone: 'UTC' });

describe('parseFunctionSchedule', () => {
  it('has none for functions of other topics, whatever they call a schedule', () => {
    expect(parseFunctionSchedule({})).to.equal(undefined);
    expect(parseFunctionSchedule({ topic: 'orders', schedule: 'daily at noon' })).to.equal(undefined);
  });

  it('reads five fields, nicknames and intervals, with the connector’s defaults', () => {
    expect(parseFunctionSchedule(cron('*/5  8-17 * * mon-fri'))).to.deep.equal({
      rules: [inUtc('*/5 8-17 * * mon-fri')],
      body: '',
      onMissed: 'skip',
    });
    for (const [text, pattern] of [
      ['@hourly', '0 * * * *'],
      ['@daily', '0 0 * * *'],
      ['@midnight', '0 0 * * *'],
      ['@weekly', '0 0 * * 0'],
      ['@monthly', '0 0 1 * *'],
      ['@yearly', '0 0 1 1 *'],
      ['@annually', '0 0 1 1 *'],
    ] as const)
      expect(parseFunctionSchedule(cron(text))?.rules, text).to.deep.equal([inUtc(pattern)]);
    expect(parseFunctionSchedule(cron('@every 1h30m'))?.rules).to.deep.equal([
      { kind: 'every', everyMs: 5_400_000 },
    ]);
  });

  it('reads a list, the zone, the body and what becomes of missed ticks', () => {
    const more = {
      topic: 'orders, cron-function',
      'com.skep.schedule.timezone': 'Europe/Berlin',
      'com.skep.schedule.body': '{"a":1}',
      'com.skep.schedule.on-missed': 'once',
    };
    expect(parseFunctionSchedule(cron('0 6 * * *; TZ=UTC 0 7 * * *; @every 10s;', more))).to.deep.equal({
      rules: [
        { kind: 'cron', pattern: '0 6 * * *', timezone: 'Europe/Berlin' },
        { kind: 'cron', pattern: '0 7 * * *', timezone: 'UTC' },
        { kind: 'every', everyMs: 10_000 },
      ],
      body: '{"a":1}',
      onMissed: 'once',
    });
  });

  const refused: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['schedule', { topic: 'cron-function' }],
    ...[
      '',
      ';',
      '61 * * * *',
      '* * * *',
      '* * * * * *',
      '99 99 99 99 99',
      '0 0 31 2 *',
      'every day',
      '@reboot',
      '@every',
      '@every 10',
      '@every 1ms',
      '@every -5s',
      '@every 10m please',
      '@every 9000h',
      'TZ=Mars/Olympus 0 * * * *',
      '0 * * * *; nonsense',
      Array.from({ length: 33 }, () => '0 * * * *').join(';'),
      '*'.repeat(100_000),
    ].map((schedule) => ['schedule', cron(schedule)] as const),
    ['com.skep.schedule.timezone', cron('@daily', { 'com.skep.schedule.timezone': '+01:00' })],
    ['com.skep.schedule.body', cron('@daily', { 'com.skep.schedule.body': 'x'.repeat(16_385) })],
    ['com.skep.schedule.on-missed', cron('@daily', { 'com.skep.schedule.on-missed': 'all' })],
    ['com.skep.schedule.body', { 'com.skep.schedule.body': 'x' }],
    ['com.skep.schedule.timezone', { topic: 'orders', 'com.skep.schedule.timezone': 'UTC' }],
  ];
  for (const [name, annotations] of refused) {
    it(`refuses a deployment by ${name} with ${JSON.stringify(annotations).slice(0, 90)}`, () => {
      expect(() => parseDeployment({ service: 'a', image: 'a:1', annotations }))
        .to.throw(ContractError, `annotations: ${name}`)
        .with.property('message')
        .with.length.below(500);
    });
  }
});
