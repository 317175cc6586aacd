import { join } from 'node:path';

const PACKAGES = join(import.meta.dirname, '../../examples/packages');

/** What tests know of a template: every language is held to the same. `examples/packages/LANG` has its function with a package. */
export interface LanguageRow {
  readonly lang: string;
  /** Part of what the starter handler answers to a POST of `hi`. */
  readonly greeting: string;
  /** The starter's test; it expects the word "Hello", and fails where that is replaced. Absent: the template has none. */
  readonly testFile?: string;
  /** Laid over the starter: a handler that uses a third-party package of a lock file. Absent: the starter has one itself, or the language has no package manager. */
  readonly packageFolder?: string;
  /** Part of what that handler answers to a POST of `hi`. */
  readonly packageAnswer?: string;
  /** A file of that folder (of the starter, where there is none) and a text in it whose replacement by `tampered` breaks the lock file's promise. */
  readonly lock?: {
    readonly file: string;
    readonly text: string;
    readonly tampered: string;
    /** What the failed build says then; absent: something of checksum, integrity or hash. */
    readonly told?: RegExp;
  };
  /** Programs that must be on the host for `skep dev`; empty: the executable is all it takes. */
  readonly needs: readonly string[];
}

/** In the order of docs/templates.md. */
export const LANGUAGES: readonly LanguageRow[] = [
  {
    lang: 'typescript',
    greeting: 'Hello from TypeScript',
    testFile: 'handler.test.ts',
    packageFolder: join(PACKAGES, 'typescript'),
    packageAnswer: 'two days are 172800000 ms',
    lock: { file: 'bun.lock', text: 'sha512-6FlzubTLZ', tampered: 'sha512-7FlzubTLZ' },
    needs: [],
  },
  {
    lang: 'node',
    greeting: 'Hello from Node.js',
    testFile: 'handler.test.js',
    packageFolder: join(PACKAGES, 'node'),
    packageAnswer: 'two days are 172800000 ms',
    lock: { file: 'package-lock.json', text: 'sha512-6FlzubTLZ', tampered: 'sha512-7FlzubTLZ' },
    needs: ['node', 'npm'],
  },
  {
    lang: 'node-http',
    greeting: 'Hello from Express',
    testFile: 'handler.test.js',
    packageFolder: join(PACKAGES, 'node-http'),
    packageAnswer: 'two days are 172800000 ms',
    lock: { file: 'package-lock.json', text: 'sha512-6FlzubTLZ', tampered: 'sha512-7FlzubTLZ' },
    needs: ['node', 'npm'],
  },
  {
    lang: 'python',
    greeting: 'Hello from Python',
    testFile: 'handler_test.py',
    packageFolder: join(PACKAGES, 'python'),
    packageAnswer: 'one bee, two bees',
    lock: { file: 'requirements.txt', text: 'sha256:f38b2b64', tampered: 'sha256:a38b2b64' },
    needs: ['python3'],
  },
  {
    lang: 'python-flask',
    greeting: 'Hello from Flask',
    testFile: 'handler_test.py',
    packageFolder: join(PACKAGES, 'python-flask'),
    packageAnswer: 'one bee, two bees',
    lock: { file: 'requirements.txt', text: 'inflection==0.5.1', tampered: 'inflection==0.5.0' },
    needs: ['python3'],
  },
  {
    lang: 'go',
    greeting: 'Hello from Go',
    testFile: 'handler_test.go',
    packageFolder: join(PACKAGES, 'go'),
    packageAnswer: 'skep is 00ad0041-dacf-5723-8d72-a59d03885a31',
    lock: { file: 'go.sum', text: 'h1:NIvaJDMO', tampered: 'h1:OIvaJDMO' },
    needs: ['go'],
  },
  {
    lang: 'rust',
    greeting: 'Hello from Rust',
    testFile: 'tests/handle.rs',
    lock: { file: 'Cargo.lock', text: 'checksum = "', tampered: 'checksum = "0' },
    needs: ['cargo', 'cc'],
  },
  {
    lang: 'ruby',
    greeting: 'Hello from Ruby',
    testFile: 'handler_test.rb',
    packageFolder: join(PACKAGES, 'ruby'),
    packageAnswer: '404 is Not Found',
    lock: {
      file: 'Gemfile.lock',
      text: 'webrick (1.8.1)',
      tampered: 'webrick (1.8.0)',
      told: /locked to webrick \(1\.8\.0\)/,
    },
    needs: ['ruby', 'bundle'],
  },
  {
    lang: 'php',
    greeting: 'Hello from PHP',
    testFile: 'handler_test.php',
    packageFolder: join(PACKAGES, 'php'),
    packageAnswer: '1.2.3 is one of ^1.0',
    lock: {
      file: 'composer.lock',
      text: '"version": "3.3.2"',
      tampered: '"version": "3.3.1"',
      told: /in the lock file as "3\.3\.1"/,
    },
    needs: ['php', 'composer'],
  },
  { lang: 'bash', greeting: 'Hello from Bash', testFile: 'handler_test.sh', needs: ['bash', 'jq', 'curl'] },
  {
    lang: 'java',
    greeting: 'Hello from Java',
    testFile: 'src/test/java/function/HandlerTest.java',
    needs: ['java', 'javac', 'mvn'],
  },
  // Its starter answers with what it was sent; `skep dev` runs it by the ENV of its Dockerfile.
  { lang: 'dockerfile', greeting: 'hi', needs: [] },
];
