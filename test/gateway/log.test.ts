import { expect } from 'chai';
import { createLogger } from '../../gateway/log.ts';

describe('the log', () => {
  const lines: string[] = [];
  const logger = createLogger((line) => void lines.push(line));
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '');

  it('is one JSON object a line, whatever a message holds', () => {
    logger.info('two\nlines', { status: 200 });
    expect(lines.at(-1)).to.match(/^\{[^\n]*\}\n$/);
    expect(last()).to.deep.include({ level: 'info', message: 'two\nlines', status: 200 });
    expect(new Date(String(last()['time'])).getTime()).to.be.closeTo(Date.now(), 60_000);
  });

  it('tells an error with its code and its cause', () => {
    const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'E1' });
    logger.error('failed', { error });
    expect(last()['error']).to.deep.include({ message: 'outer', code: 'E1' });
    expect(last()['error']).to.have.nested.property('cause.message', 'inner');
  });

  it('survives fields that hold themselves', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    logger.warn('odd', { loop });
    expect(last()).to.include({ level: 'warn', message: 'odd' }).and.have.property('unreadableFields');
  });
});
