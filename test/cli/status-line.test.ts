import { expect } from 'chai';
import { isUnicode, statusLine } from '../../cli/status-line.ts';

describe('the status line', () => {
  const opened = (columns = 80, unicode = true) => {
    const written: string[] = [];
    const line = statusLine({ columns, write: (text) => written.push(text) }, { isUnicode: unicode });
    return { written, line };
  };

  it('is drawn over itself, and taken away once', () => {
    const { written, line } = opened();
    line.show('one');
    line.show('two');
    line.clear();
    line.clear();
    expect(written).to.deep.equal(['\r\u001b[K⠋ one', '\r\u001b[K⠋ two', '\r\u001b[K']);
  });

  it('writes nothing where nothing was shown', () => {
    const { written, line } = opened();
    line.clear();
    expect(written).to.deep.equal([]);
  });

  it('is never longer than the terminal is wide', () => {
    const { written, line } = opened(10, false);
    line.show('a text that is too long');
    line.clear();
    expect(written[0]).to.equal('\r\u001b[K- a text ');
  });

  it('turns as long as it is shown', async () => {
    let draws = 0;
    const turned = Promise.withResolvers<void>();
    const line = statusLine(
      {
        write: (text) => {
          if (text.includes('x') && ++draws === 3) turned.resolve();
        },
      },
      { isUnicode: true },
    );
    line.show('x');
    await turned.promise;
    line.clear();
  });

  it('knows by the locale what the terminal can show', () => {
    expect(isUnicode({ LANG: 'en_US.UTF-8' })).to.equal(true);
    expect(isUnicode({ LC_ALL: 'C', LANG: 'en_US.UTF-8' })).to.equal(false);
    expect(isUnicode({})).to.equal(false);
  });
});
