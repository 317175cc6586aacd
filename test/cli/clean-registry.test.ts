import { expect } from 'chai';
import { sortVersions } from '../../cli/admin/clean-registry.ts';
import { CliError } from '../../cli/errors.ts';

const id = (letter: string): string => letter.repeat(64);
const version = (repository: string, letter: string): string =>
  `R ./${repository}/_manifests/revisions/sha256/${id(letter)}/link`;
const tag = (repository: string, name: string, letter: string): string =>
  `T ./${repository}/_manifests/tags/${name}/current/link sha256:${id(letter)}`;
const part = (of: string, letter: string): string => `C ${id(of)} sha256:${id(letter)}`;

describe('what the registry may lose', () => {
  const sorted = (lines: readonly string[], services = '') => {
    const { unused, keptForServices } = sortVersions(lines.join('\n'), services);
    return { unused: unused.map((each) => `${each.repository} ${each.id[0]}`), keptForServices };
  };

  it('is what no tag names any more', () => {
    const lines = [version('team/a', 'a'), version('team/a', 'b'), tag('team/a', 'latest', 'b')];
    expect(sorted(lines)).to.deep.equal({ unused: ['team/a a'], keptForServices: 0 });
  });

  it('is not what a service has, or could go back to', () => {
    const lines = [version('a', 'a'), version('a', 'b'), tag('a', 'latest', 'b')];
    const services = `{"PreviousSpec": {"Image": "127.0.0.1:5000/a:latest@sha256:${id('a')}"}}`;
    expect(sorted(lines, services)).to.deep.equal({ unused: [], keptForServices: 1 });
  });

  it('is no part of an image for several platforms that is kept, however deep', () => {
    const lines = [
      ...[version('a', 'a'), version('a', 'b'), version('a', 'c'), version('a', 'd'), version('a', 'e')],
      ...[tag('a', 'latest', 'a'), part('a', 'b'), part('b', 'c'), part('d', 'e')],
    ];
    expect(sorted(lines)).to.deep.equal({ unused: ['a d', 'a e'], keptForServices: 0 });
    expect(sorted(lines, `x@sha256:${id('d')}`)).to.deep.equal({ unused: [], keptForServices: 2 });
  });

  it('is nothing where the listing is not understood', () => {
    expect(() => sortVersions('find: something', '')).to.throw(CliError, 'find: something');
    expect(() => sortVersions('R ./elsewhere/link', '')).to.throw(CliError, 'elsewhere');
  });
});
