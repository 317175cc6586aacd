import { expect } from 'chai';
import { BASE_REPOSITORIES } from '../../../contract/platform-images.ts';
import type { Engine } from '../../../gateway/swarm/engine.ts';
import { builtHere, whyNotBuilt } from '../../../gateway/swarm/foreign-image.ts';
import { ALL_IMAGES } from '../../../scripts/base-images/catalog.ts';

const ID = `sha256:${'a'.repeat(64)}`;

interface FakeImage {
  readonly RepoTags?: readonly string[];
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

/** An engine whose services run these images, and that has these. */
function engineWith(
  services: Readonly<Record<string, string>>,
  images: Readonly<Record<string, FakeImage>> = {},
) {
  const docker = {
    listServices: async () =>
      Object.entries(services).map(([Name, Image]) => ({
        Spec: {
          Name,
          Labels: Name.startsWith('fn-') ? { 'com.openfaas.function': Name } : {},
          TaskTemplate: { ContainerSpec: { Image } },
        },
      })),
    getImage: (name: string) => ({
      inspect: async () =>
        images[name] ?? Promise.reject(Object.assign(new Error('none'), { statusCode: 404 })),
    }),
  };
  const call: Engine['call'] = (_what, run) => run(docker as never, new AbortController().signal);
  return { call, ask: call };
}

const foreign: FakeImage = { Config: { Labels: {} } };
const own: FakeImage = { Config: { Labels: builtHere('team/app:1') } };

describe('the name of an image that is to be built', () => {
  const signed = { mayReplace: false };
  const admin = { mayReplace: true };

  for (const image of [
    'skep/gateway:latest',
    'skep/anything',
    'docker.io/skep/watchdog:1',
    'index.docker.io/skep/gateway:1',
    'registry-1.docker.io/skep/gateway:1',
    'Docker.IO/skep/gateway:1',
    'debian:bookworm-slim',
    'debian:mine',
    'docker.io/library/debian:bookworm-slim',
    'docker.io/node:22',
    'prom/prometheus:v2.42.0',
  ]) {
    it(`is refused to everybody: ${image}`, async () => {
      for (const who of [signed, admin]) {
        expect(await whyNotBuilt(engineWith({}), image, who)).to.include('a name of its own');
      }
    });
  }

  it('is none of the catalog of base images', () => {
    const repositories = ALL_IMAGES.map(({ name }) => name.slice(0, name.lastIndexOf(':')));
    expect([...BASE_REPOSITORIES]).to.include.members(repositories);
  });

  for (const image of [
    'localhost:5000/team/app:1',
    '127.0.0.1:5000/team/app:1',
    '127.0.0.2:5000/team/app:1',
    '[::1]:5000/team/app:1',
    'LOCALHOST:5000/team/app:1',
  ]) {
    it(`is not that of what a service runs which is no function, in the spelling ${image}`, async () => {
      const engine = engineWith({ db: `127.0.0.1:5000/team/app:1@${ID}` });
      expect(await whyNotBuilt(engine, image, admin)).to.include('service db');
      expect(await whyNotBuilt(engine, image, signed)).to.include('service db');
    });
  }

  it('is not of the same repository either, for who has the payload secret alone', async () => {
    const engine = engineWith({ db: 'team/app:1' });
    expect(await whyNotBuilt(engine, 'team/app:2', signed)).to.include('service db');
    expect(await whyNotBuilt(engine, 'team/app:2', admin)).to.equal(undefined);
    expect(await whyNotBuilt(engine, 'team/app2:1', signed)).to.equal(undefined);
  });

  it('is looked for among the names of what a service runs by its id', async () => {
    const engine = engineWith({ db: ID }, { [ID]: { ...foreign, RepoTags: ['team/app:1'] } });
    expect(await whyNotBuilt(engine, 'team/app:1', admin)).to.include('service db');
    expect(await whyNotBuilt(engineWith({ db: ID }), 'team/app:1', admin)).to.equal(undefined);
  });

  it('may be that of a function', async () => {
    const engine = engineWith({ 'fn-a': 'team/app:1' }, { 'team/app:1': own });
    expect(await whyNotBuilt(engine, 'team/app:1', signed)).to.equal(undefined);
  });

  it('is not that of an image which was made elsewhere of one that was built here, and has its labels', async () => {
    const images = { 'team/other:1': own, 'docker.io/team/app:1': own };
    expect(await whyNotBuilt(engineWith({}, images), 'team/other:1', signed)).to.include(
      'not built through this API',
    );
    expect(await whyNotBuilt(engineWith({}, images), 'docker.io/team/app:1', signed)).to.equal(undefined);
  });

  it('may be that of an image which was built elsewhere for an admin alone', async () => {
    const engine = engineWith({ 'fn-a': 'team/app:1' }, { 'team/app:1': foreign });
    expect(await whyNotBuilt(engine, 'team/app:1', admin)).to.equal(undefined);
    expect(await whyNotBuilt(engine, 'team/app:1', signed)).to.include('not built through this API');
  });
});
