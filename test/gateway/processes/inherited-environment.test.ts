import { expect } from 'chai';
import { inheritedEnvironment } from '../../../gateway/processes/inherited-environment.ts';

describe('what functions get of this machine’s environment', () => {
  it('is what programs need to run here', () => {
    const needed = {
      PATH: '/bin',
      HOME: '/home/me',
      LC_ALL: 'C',
      XDG_CACHE_HOME: '/c',
      https_proxy: 'http://proxy',
      NO_PROXY: 'localhost',
      NODE_EXTRA_CA_CERTS: '/ca.pem',
      PYENV_ROOT: '/pyenv',
      PYENV_VERSION: '3.11.2',
      ASDF_NODEJS_VERSION: '22.1.0',
      JAVA_HOME: '/java',
    };
    expect(inheritedEnvironment(needed)).to.deep.equal(needed);
  });

  it('is not what is for whoever works here', () => {
    const own = {
      AWS_SECRET_ACCESS_KEY: '1',
      GITHUB_TOKEN: '1',
      DATABASE_URL: '1',
      NODE_OPTIONS: '--require ./mine',
      MY_PATH: '1',
      PATH_OF_MINE: '1',
      port: '1',
      fprocess: 'rm',
      BUN_OPTIONS: '1',
      unset: undefined,
    };
    expect(inheritedEnvironment(own)).to.deep.equal({});
  });
});
