import { expect } from 'chai';
import { ContractError } from '../../../contract/contract-error.ts';
import { parseMemoryBytes, parseNanoCpus } from '../../../contract/parse-quantity.ts';
import { FaasError } from '../../../gateway/errors.ts';
import { fromDevices, toSwarmResources } from '../../../gateway/swarm/resources.ts';

const MIB = 1024 * 1024;

describe('resources in Swarm units', () => {
  for (const [text, bytes] of [
    ['5Mi', 5 * MIB],
    ['128m', 128 * MIB],
    ['512 m', 512 * MIB],
    ['128M', 128 * MIB],
    ['64MB', 64 * MIB],
    ['64MiB', 64 * MIB],
    ['1Gi', 1024 * MIB],
    ['1.5g', 1536 * MIB],
    ['8192Ki', 8 * MIB],
    ['67108864', 64 * MIB],
  ] as const) {
    it(`reads memory ${text}`, () => {
      expect(parseMemoryBytes(text, 'limits.memory')).to.equal(bytes);
    });
  }

  for (const [text, nanos] of [
    ['100m', 1e8],
    ['0.5', 5e8],
    ['2', 2e9],
    ['1.25', 1.25e9],
    ['1000000', 1e6],
    ['500000000', 5e8],
  ] as const) {
    it(`reads CPUs ${text}`, () => {
      expect(parseNanoCpus(text, 'limits.cpu')).to.equal(nanos);
    });
  }

  for (const text of ['', 'much', '-5Mi', '5Xi', '5 5', '0x10', '1e9', 'NaN', '1Mi', '9999999P']) {
    it(`refuses memory ${JSON.stringify(text)}, naming the field`, () => {
      expect(() => parseMemoryBytes(text, 'requests.memory')).to.throw(ContractError, 'requests.memory');
      expect(() => toSwarmResources({ requests: { memory: text || ' ' } })).to.throw(
        FaasError,
        'requests.memory',
      );
    });
  }

  for (const text of ['', 'half', '-1', '100 m', '1e3', '0', '0.5m', '5g', 'Infinity']) {
    it(`refuses CPUs ${JSON.stringify(text)}, naming the field`, () => {
      expect(() => parseNanoCpus(text, 'limits.cpu')).to.throw(ContractError, 'limits.cpu');
      expect(() => toSwarmResources({ limits: { cpu: text || ' ' } })).to.throw(FaasError, 'limits.cpu');
    });
  }

  it('raises a memory limit under which the engine starts no container, as the conformance suite sends it', () => {
    expect(toSwarmResources({ limits: { memory: '5Mi', cpu: '100m' } })).to.deep.equal({
      Limits: { MemoryBytes: 6 * MIB, NanoCPUs: 1e8 },
      Reservations: {},
    });
  });

  it('refuses a request above its limit: no replica could start', () => {
    expect(() => toSwarmResources({ limits: { memory: '64Mi' }, requests: { memory: '65Mi' } })).to.throw(
      FaasError,
      'requests.memory',
    );
  });

  it('sets devices aside, whether limits or requests ask for them', () => {
    const gpu = { 'nvidia.com/gpu': '2' };
    const aside = [{ DiscreteResourceSpec: { Kind: 'NVIDIA-GPU', Value: 2 } }];
    for (const deployment of [{ limits: gpu }, { requests: gpu }, { limits: gpu, requests: gpu }]) {
      const { Limits, Reservations } = toSwarmResources(deployment);
      expect([Limits, Reservations]).to.deep.equal([{}, { GenericResources: aside }]);
    }
    expect(fromDevices(aside)).to.deep.equal(gpu);
  });

  it('refuses a number of devices that is none, and two that differ', () => {
    for (const text of ['0', '-1', '1.5', 'two', '99999']) {
      expect(() => toSwarmResources({ limits: { 'amd.com/gpu': text } }), text).to.throw(
        /^limits\.amd\.com\/gpu/,
      );
    }
    const differing = { limits: { 'intel.com/gpu': '1' }, requests: { 'intel.com/gpu': '2' } };
    expect(() => toSwarmResources(differing)).to.throw(/different numbers/);
  });
});
