import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { imageEnvironment, movedTo } from '../../dev/image-environment.ts';

const read = (lines: readonly string[], given: Record<string, string> = {}) =>
  imageEnvironment(lines.join('\n'), given);

describe('the environment that a Dockerfile sets', () => {
  it('is that of its last stage', () => {
    const { env } = read(['FROM a AS tools', 'ENV A=1', 'FROM b', 'ENV B=2', 'ENV B=3 C="two words"']);
    expect(env).to.deep.equal({ B: '3', C: 'two words' });
  });

  it('has what the stages set that the last one is made from, whatever the case of their names', () => {
    const { env, workdir } = read([
      'FROM a AS Base',
      'ENV A=1',
      'WORKDIR /srv',
      'FROM base',
      'ENV B=2',
      'WORKDIR app',
    ]);
    expect(env).to.deep.equal({ A: '1', B: '2' });
    expect(workdir).to.equal('/srv/app');
  });

  it('is no trap: a stage that is called like its own base', () => {
    expect(read(['FROM node AS node', 'ENV A=1']).env).to.deep.equal({ A: '1' });
  });

  it('follows lines that go on, comments among them, quotes and escaped blanks', () => {
    const { env } = read(['FROM a', 'ENV A="node index.js" \\', '    # why', "    B='$A' C=a\\ b"]);
    expect(env).to.deep.equal({ A: 'node index.js', B: '$A', C: 'a b' });
  });

  it('replaces variables: earlier ones, arguments, what was given; with the forms of a Dockerfile', () => {
    const { env } = read(
      [
        'ARG V=9',
        'FROM a',
        'ARG V',
        'ARG W=5',
        'ENV X=1',
        `ENV A=$X B=\${W} C=$V D=\${NONE:-x} E=\${X:+y} PATH=/bin2:$PATH`,
      ],
      { PATH: '/bin' },
    );
    expect(env).to.include({ A: '1', B: '5', C: '9', D: 'x', E: 'y', PATH: '/bin2:/bin' });
  });

  it('within one instruction refers to values of before it', () => {
    expect(read(['FROM a', 'ENV A=1', 'ENV A=2 B=$A']).env).to.deep.equal({ A: '2', B: '1' });
  });

  it('knows the old form with a blank', () => {
    expect(read(['FROM a', 'ENV A two words']).env).to.deep.equal({ A: 'two words' });
  });

  it('is nothing where there is no Dockerfile to speak of', () => {
    for (const text of ['', 'garbage', 'ENV A=1', 'FROM']) {
      expect(imageEnvironment(text, {}).workdir, text).to.equal('/');
    }
  });

  it('is found in our own templates', () => {
    const dockerfile = readFileSync(join(import.meta.dirname, '../../templates/python/Dockerfile'), 'utf8');
    const { env, workdir } = imageEnvironment(dockerfile, {});
    expect(workdir).to.equal('/home/app');
    expect(env).to.include({ fprocess: 'python3 index.py', cgi_response: 'true' });
  });
});

describe('the folder of a function in place of the image’s', () => {
  const moved = (value: string): string | undefined =>
    movedTo({ env: { A: value }, workdir: '/home/app' }, '/w/$1')['A'];

  it('stands for the whole path and for the beginning of one', () => {
    expect(moved('/home/app')).to.equal('/w/$1');
    expect(moved('/home/app/packages:/usr/lib')).to.equal('/w/$1/packages:/usr/lib');
    expect(moved('a=/home/app/x b=/home/app')).to.equal('a=/w/$1/x b=/w/$1');
  });

  it('stands for no other path', () => {
    expect(moved('/home/app2')).to.equal('/home/app2');
    expect(moved('/mnt/home/app')).to.equal('/mnt/home/app');
  });

  it('is not put anywhere when the image has none', () => {
    expect(movedTo({ env: { A: '/' }, workdir: '/' }, '/w')).to.deep.equal({ A: '/' });
  });
});
