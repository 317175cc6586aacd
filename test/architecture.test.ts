import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Glob } from 'bun';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = [...new Glob('{contract,gateway,http1,watchdog,cli,dev}/**/*.ts').scanSync(ROOT)].sort();

interface Source {
  readonly file: string;
  readonly text: string;
  /** Files of this project, as paths from its root. */
  readonly local: readonly string[];
  /** Those of `local` that are loaded with it, not later by `import()`. */
  readonly loaded: readonly string[];
  /** Packages and built-ins. */
  readonly packages: readonly string[];
}

const sources: readonly Source[] = SOURCES.map((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const named = [...text.matchAll(/(from|import)\s*(\(?)\s*'([^']+)'/g)];
  const specifiers = named.map(([, , paren, name = '']) => ({ name, isLater: paren === '(' }));
  const isLocal = ({ name }: { name: string }): boolean => name.startsWith('.');
  const toFile = ({ name }: { name: string }): string => relative(ROOT, join(ROOT, dirname(file), name));
  const local = specifiers.filter(isLocal);
  return {
    file,
    text,
    local: local.map(toFile),
    loaded: local.filter(({ isLater }) => !isLater).map(toFile),
    packages: specifiers.filter((specifier) => !isLocal(specifier)).map(({ name }) => name),
  };
});

/** Imports of files below `from` that go to none of `allowed` (prefixes of paths from the root). */
function strays(from: string, allowed: readonly string[]): string[] {
  return sources
    .filter(({ file }) => file.startsWith(from))
    .flatMap(({ file, local }) =>
      local
        .filter((target) => ![from, ...allowed].some((prefix) => target.startsWith(prefix)))
        .map((target) => `${file} -> ${target}`),
    );
}

function importersOf(name: string): string[] {
  return sources.filter(({ packages }) => packages.includes(name)).map(({ file }) => file);
}

describe('the architecture', () => {
  it('is read from sources that are there', () => {
    expect(sources.length).to.be.greaterThan(100);
    expect(sources.flatMap(({ local }) => local).length).to.be.greaterThan(300);
  });

  /** Folder, and what it may know beside itself. `gateway/main.ts` alone knows everything. */
  const RULES: readonly (readonly [string, readonly string[]])[] = [
    ['contract/', ['package.json']],
    ['http1/', []],
    ['gateway/functions/', ['contract/', 'gateway/errors.ts']],
    ['gateway/scaling/', ['contract/', 'gateway/errors.ts', 'gateway/log.ts', 'gateway/functions/']],
    [
      'gateway/metrics/',
      ['contract/', 'gateway/errors.ts', 'gateway/log.ts', 'gateway/functions/', 'gateway/queue/'],
    ],
    ['gateway/build/', ['contract/', 'gateway/errors.ts', 'gateway/functions/']],
    [
      'gateway/workers/',
      [
        'contract/',
        'http1/',
        'gateway/config.ts',
        'gateway/errors.ts',
        'gateway/file-lock.ts',
        'gateway/log.ts',
        'gateway/data-plane/',
        'gateway/metrics/',
        'gateway/tracing/',
        'gateway/nats/queue/open-intake.ts',
        'gateway/queue/',
      ],
    ],
    ['gateway/tracing/', ['http1/types.ts', 'gateway/data-plane/call-tracer.ts']],
    [
      'gateway/data-plane/',
      [
        'contract/',
        'http1/',
        'gateway/client-address.ts',
        'gateway/errors.ts',
        'gateway/functions/',
        'gateway/queue/',
      ],
    ],
    [
      'gateway/control-plane/',
      [
        'contract/',
        'gateway/client-address.ts',
        'gateway/errors.ts',
        'gateway/log.ts',
        'gateway/functions/',
        'gateway/scaling/',
        'gateway/metrics/',
        'gateway/build/',
        'gateway/queue/',
      ],
    ],
    [
      'gateway/processes/',
      [
        'contract/',
        'gateway/errors.ts',
        'gateway/file-lock.ts',
        'gateway/log.ts',
        'gateway/functions/',
        'gateway/build/image-builder.ts',
      ],
    ],
    ['gateway/swarm/', ['contract/', 'gateway/errors.ts', 'gateway/functions/', 'gateway/build/']],
    [
      'gateway/nats/',
      [
        'contract/',
        'gateway/errors.ts',
        'gateway/log.ts',
        'gateway/scaling/',
        'gateway/queue/',
        'gateway/schedules/',
      ],
    ],
    [
      'gateway/queue/',
      ['contract/', 'gateway/errors.ts', 'gateway/log.ts', 'gateway/schedules/schedule-progress.ts'],
    ],
    ['gateway/schedules/', ['contract/', 'gateway/log.ts', 'gateway/queue/']],
    [
      'gateway/queue-worker/',
      [
        'contract/',
        'http1/',
        'gateway/errors.ts',
        'gateway/log.ts',
        'gateway/metrics/',
        'gateway/nats/',
        'gateway/queue/',
        'gateway/settings.ts',
        'gateway/workers/stop-on-signals.ts',
      ],
    ],
    ['watchdog/', ['contract/', 'http1/']],
    // `skep dev` puts together what the others are made of.
    ['cli/', ['contract/', 'templates/', 'store/', 'dev/run-dev.ts', 'watchdog/main.ts']],
    ['dev/', ['contract/', 'cli/', 'gateway/', 'watchdog/']],
  ];
  for (const [folder, allowed] of RULES) {
    it(`${folder} knows ${['itself', ...allowed].join(', ')} and nothing else`, () => {
      expect(strays(folder, allowed)).to.deep.equal([]);
    });
  }

  it('the wire contract does no input or output', () => {
    const io = sources
      .filter(({ file }) => file.startsWith('contract/'))
      .flatMap(({ file, packages }) =>
        packages.filter((name) => /^(node:(?!crypto$)|bun)/.test(name)).map((name) => `${file}: ${name}`),
      );
    expect(io).to.deep.equal([]);
  });

  it('dockerode is known to gateway/swarm/ alone', () => {
    expect(importersOf('dockerode').length).to.be.greaterThan(0);
    expect(importersOf('dockerode').filter((file) => !file.startsWith('gateway/swarm/'))).to.deep.equal([]);
  });

  it('gRPC and protobuf are known to the part for BuildKit alone, which is loaded where an engine has that', () => {
    const isFor = (file: string): boolean => file.startsWith('gateway/swarm/buildkit/');
    const importers = [...importersOf('@grpc/grpc-js'), ...importersOf('protobufjs/light.js')];
    expect(importers.length).to.be.greaterThan(0);
    expect(importers.filter((file) => !isFor(file))).to.deep.equal([]);
    const loading = sources.filter(
      ({ file, loaded }) => !isFor(file) && loaded.some((target) => importers.includes(target)),
    );
    expect(loading.map(({ file }) => file)).to.deep.equal([]);
  });

  it('the client of NATS is known to gateway/nats/ alone, and loaded where NATS is configured', () => {
    const importers = sources.filter(({ packages }) => packages.some((name) => name.startsWith('@nats-io/')));
    expect(importers.length).to.be.greaterThan(0);
    expect(importers.filter(({ file }) => !file.startsWith('gateway/nats/'))).to.deep.equal([]);
    const loading = importers.filter(({ text }) => /^import (?!type )[^;]*'@nats-io\//m.test(text));
    expect(loading.map(({ file }) => file)).to.deep.equal([]);
  });

  it('no invocation goes through a server or client that is not ours', () => {
    const foreign = sources.filter(
      ({ file, text }) =>
        /^(http1|watchdog|gateway\/data-plane)\//.test(file) &&
        /Bun\.serve\(|createServer\(|node-fetch/.test(text),
    );
    // The metrics page of the watchdog is no invocation.
    expect(foreign.map(({ file }) => file).filter((file) => file !== 'watchdog/metrics.ts')).to.deep.equal(
      [],
    );
  });

  it('what traces calls is loaded by who has found that it is wanted, and not before', () => {
    const outside = sources.filter(({ file }) => !file.startsWith('gateway/tracing/'));
    const loading = /^import (?!type )[^;]*\/tracing\//m;
    const loadingLater = /import\('[^']*\/tracing\//;
    expect(outside.filter(({ text }) => loading.test(text)).map(({ file }) => file)).to.deep.equal([]);
    expect(outside.filter(({ text }) => loadingLater.test(text)).map(({ file }) => file)).to.deep.equal([
      'gateway/workers/serving-worker.ts',
    ]);
  });

  it('the environment is read in composition roots', () => {
    const readers = sources.filter(
      ({ file, text }) => !file.startsWith('cli/') && /process\.env\b/.test(text),
    );
    expect(readers.map(({ file }) => file)).to.deep.equal([
      'contract/version.ts',
      'gateway/main.ts',
      'watchdog/main.ts',
    ]);
  });

  it('no invocation goes through another HTTP than ours', () => {
    const users = sources.filter(
      ({ file, text, packages }) =>
        /^(http1|gateway\/(data-plane|workers)|watchdog)\//.test(file) &&
        (/\bBun\.serve\(|[^.\w]fetch\(/.test(text) ||
          packages.some((name) => /^(node:https?|node-fetch|koa)$/.test(name))),
    );
    // A question for health, the names of statuses, and the keys that tokens are signed with: none is an invocation.
    expect(users.map(({ file }) => file)).to.deep.equal([
      'gateway/data-plane/probe.ts',
      'http1/write-head.ts',
      'watchdog/signing-keys.ts',
    ]);
  });

  it('no file only passes on what others export', () => {
    const barrels = sources.filter(
      ({ text }) =>
        /^export .* from '/m.test(text) &&
        !/^(export )?(async )?(function|const|class|interface|type) /m.test(text),
    );
    expect(barrels.map(({ file }) => file)).to.deep.equal([]);
  });

  it('no two files want each other, not even by a detour', () => {
    const imports = new Map(sources.map(({ file, loaded }) => [file, loaded]));
    const cycles: string[] = [];
    const finished = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      if (finished.has(file)) return;
      for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
      finished.add(file);
    };
    for (const { file } of sources) visit(file, []);
    expect(cycles).to.deep.equal([]);
  });
});
