import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cpuSecondsV1, cpuSecondsV2, findCgroup, workingSetBytes } from '../../watchdog/cgroup-files.ts';

const ID = '/docker/98262cf4390227b2859ccf419462d59469d15bbe31143b17e6ef611cb12d592f';
const V1_MOUNTS = `342 341 0:117 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
343 342 0:29 ${ID} /sys/fs/cgroup/cpu ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpu
344 342 0:30 ${ID} /sys/fs/cgroup/cpuacct ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpuacct
346 342 0:32 ${ID} /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,memory
`;
const V1_CGROUP = `4:memory:${ID}\n2:cpuacct:${ID}\n1:cpu:${ID}\n0::${ID}\n`;
const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n';

describe('findCgroup', () => {
  it("finds version 1's folders, where a container sees only its own part of each hierarchy", () => {
    expect(findCgroup(V1_MOUNTS, V1_CGROUP)).to.deep.equal({
      version: 1,
      cpu: '/sys/fs/cgroup/cpuacct',
      memory: '/sys/fs/cgroup/memory',
    });
  });

  it('finds two controllers in one folder', () => {
    const mounts = `1 2 0:3 ${ID} /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n`;
    expect(findCgroup(mounts, `2:cpu,cpuacct:${ID}\n`)).to.deep.equal({
      version: 1,
      cpu: '/sys/fs/cgroup/cpu,cpuacct',
      memory: undefined,
    });
  });

  it("finds version 2's folder with a cgroup namespace of its own", () => {
    expect(findCgroup(V2_MOUNT, '0::/\n')).to.deep.equal({ version: 2, folder: '/sys/fs/cgroup' });
  });

  it("finds version 2's folder in the machine's whole tree, so that the machine's own figures are not taken for the container's", () => {
    expect(findCgroup(V2_MOUNT, '0::/system.slice/docker-4f.scope\n')).to.deep.equal({
      version: 2,
      folder: '/sys/fs/cgroup/system.slice/docker-4f.scope',
    });
  });

  it('prefers version 1 where both are mounted: its controllers are there', () => {
    const both = `${V1_MOUNTS}35 32 0:9 / /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n`;
    expect(findCgroup(both, V1_CGROUP)).to.include({ version: 1, memory: '/sys/fs/cgroup/memory' });
  });

  it('finds nothing where none is mounted, where the mounted part is of another, or in nonsense', () => {
    expect(findCgroup('', '0::/\n')).to.equal(undefined);
    expect(findCgroup(V2_MOUNT, '')).to.equal(undefined);
    expect(findCgroup(V2_MOUNT, '0::/../other\n')).to.equal(undefined);
    expect(findCgroup('1 2 0:3 /docker/a /sys/fs/cgroup ro - cgroup2 c rw\n', '0::/docker/ab\n')).to.equal(
      undefined,
    );
    expect(findCgroup('\0 - \n - - -\n1 2 3', ':::\n\0')).to.equal(undefined);
  });
});

describe('figures of a cgroup', () => {
  it('are CPU seconds, from the nanoseconds of version 1 and the microseconds of version 2', () => {
    expect(cpuSecondsV1('30746789\n')).to.equal(0.030746789);
    expect(cpuSecondsV2('usage_usec 1500000\nuser_usec 900000\nsystem_usec 600000\n')).to.equal(1.5);
  });

  it('are memory without inactive file pages, those of children included', () => {
    expect(workingSetBytes('1179648\n', 'inactive_file 4096\ntotal_inactive_file 179648\n')).to.equal(
      1_000_000,
    );
    expect(workingSetBytes('1179648\n', 'anon 5\ninactive_file 179648\nactive_file 1\n')).to.equal(1_000_000);
    expect(workingSetBytes('10\n', 'inactive_file 20\n')).to.equal(0);
  });

  it('are absent, not 0, where a file says something else', () => {
    for (const text of ['', 'max', '-1', '1e3', '12 34', 'usage_usec', 'usage_usec x\n']) {
      expect(cpuSecondsV1(text), text).to.equal(undefined);
      expect(cpuSecondsV2(text), text).to.equal(undefined);
      expect(workingSetBytes(text, 'inactive_file 0\n'), text).to.equal(undefined);
      expect(workingSetBytes('5', text), text).to.equal(undefined);
    }
  });
});

/** Read in a container of Docker 20.10 (version 1) and from version 2's hierarchy on kernel 6.18; `v2-memory.stat` is made, in its kernel's order. */
const captured = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'fixtures', 'cgroup', `${name}.txt`), 'utf8');

describe('the files of a real container', () => {
  it('are found and read where Docker mounts version 1', () => {
    expect(findCgroup(captured('v1-mountinfo'), captured('v1-cgroup'))).to.deep.equal({
      version: 1,
      cpu: '/sys/fs/cgroup/cpuacct',
      memory: '/sys/fs/cgroup/memory',
    });
    expect(cpuSecondsV1(captured('v1-cpuacct.usage'))).to.equal(2.430139731);
    expect(workingSetBytes(captured('v1-memory.usage_in_bytes'), captured('v1-memory.stat'))).to.equal(
      78_172_160,
    );
  });

  it('are read as version 2 writes them', () => {
    expect(cpuSecondsV2(captured('v2-cpu.stat'))).to.equal(1.935479);
    expect(workingSetBytes('36102144\n', captured('v2-memory.stat'))).to.equal(36_102_144 - 19_660_800);
  });
});
