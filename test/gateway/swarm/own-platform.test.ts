import { expect } from 'chai';
import type { Engine } from '../../../gateway/swarm/engine.ts';
import { whyNotFor } from '../../../gateway/swarm/own-platform.ts';

describe('the platform of an image that the classic builder is to make', () => {
  const ask: Engine['ask'] = (_what, run) =>
    run({ version: async () => ({ Os: 'linux', Arch: 'amd64' }) } as never, new AbortController().signal);
  const engine: Engine = { call: ask, ask };

  for (const own of ['linux/amd64', 'linux/x86_64', 'linux/amd64/v2']) {
    it(`may be the engine's own: ${own}`, async () => {
      expect(await whyNotFor(engine, own)).to.equal(undefined);
    });
  }

  for (const other of ['linux/arm64', 'linux/arm/v7', 'windows/amd64', 'foo/bar']) {
    it(`is no other one: ${other}`, async () => {
      expect(await whyNotFor(engine, other))
        .to.include(other)
        .and.to.include('BuildKit')
        .and.to.include('linux/amd64');
    });
  }
});
