import { expect } from 'chai';
import { parseBuildConfig } from '../../../gateway/build/build-config.ts';
import { FaasError } from '../../../gateway/errors.ts';

describe('the build configuration', () => {
  const parse = (config: unknown) => parseBuildConfig(JSON.stringify(config));

  it('pushes when the first part of the image names a registry, unless told not to', () => {
    const push = (image: string, skipPush?: boolean) => parse({ image, skipPush }).push;
    expect(push('team/fn:1')).to.equal(false);
    expect(push('fn')).to.equal(false);
    expect(push('reg.local/fn')).to.equal(true);
    expect(push('reg:5000/team/fn')).to.equal(true);
    expect(push('localhost/fn')).to.equal(true);
    expect(push('reg:5000/fn', true)).to.equal(false);
  });

  it('makes a deployment of what was built', () => {
    const { deploy } = parse({ image: 'team/fn:1', deploy: { service: 'fn', labels: { a: 'b' } } });
    expect(deploy).to.deep.equal({ service: 'fn', image: 'team/fn:1', labels: { a: 'b' } });
  });

  for (const [what, config, field] of [
    ['no object', [], 'configuration'],
    ['no image', {}, 'image'],
    ['a name that is none', { image: 'Team/Fn' }, 'image'],
    ['a path as name', { image: '../../containers/json' }, 'image'],
    ['a digest', { image: `fn@sha256:${'0'.repeat(64)}` }, 'image'],
    ['arguments that are no strings', { image: 'fn', buildArgs: { A: 1 } }, 'buildArgs.A'],
    ['a platform that is none', { image: 'fn', platforms: ['amd64'] }, 'platforms[0]'],
    ['a second one that is none', { image: 'fn', platforms: ['linux/arm64', 'arm'] }, 'platforms[1]'],
    ['skipPush as text', { image: 'fn', skipPush: 'true' }, 'skipPush'],
    ['deploy without a name', { image: 'fn', deploy: {} }, 'service'],
    ['deploy of another image', { image: 'fn', deploy: { service: 'fn', image: 'other' } }, 'deploy.image'],
  ] as const) {
    it(`refuses ${what}, naming the field`, () => {
      expect(() => parse(config)).to.throw(FaasError, field);
    });
  }

  it('refuses what is no JSON', () => {
    expect(() => parseBuildConfig('{image')).to.throw(FaasError, 'JSON');
  });
});
