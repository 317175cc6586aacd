/** Functions whose packages are in their own folder, not in a registry; the test of each, run in the image build, fails without them. */
export const OWN_PACKAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  typescript: {
    'package.json': '{ "private": true, "dependencies": { "words": "file:./words" } }',
    'words/package.json': '{ "name": "words", "version": "1.0.0", "main": "index.js" }',
    'words/index.js': 'module.exports = "its own";',
    'handler.ts': 'import words from "words";\nexport default () => words;\n',
    'handler.test.ts': `import { expect, test } from 'bun:test';\nimport handler from './handler.ts';\ntest('words', () => expect(handler()).toBe('its own'));\n`,
  },
  node: {
    'package.json':
      '{ "private": true, "scripts": { "postinstall": "node make-words.js", "test": "node --test" } }',
    'make-words.js': `require('node:fs').writeFileSync('words.txt', 'its own');`,
    'handler.js': `module.exports = () => require('node:fs').readFileSync(__dirname + '/words.txt', 'utf8');\n`,
    'handler.test.js': `require('node:test').test('words', () => require('node:assert').equal(require('./handler.js')(), 'its own'));\n`,
  },
  // npm takes a folder that is not there for installed: here what it needs would be missing.
  'node-http': {
    'package.json':
      '{ "private": true, "dependencies": { "words": "file:./words" }, "scripts": { "test": "node --test" } }',
    'words/package.json':
      '{ "name": "words", "version": "1.0.0", "main": "index.js", "dependencies": { "more": "file:../more" } }',
    'words/index.js': 'module.exports = require("more");\n',
    'more/package.json': '{ "name": "more", "version": "1.0.0", "main": "index.js" }',
    'more/index.js': 'module.exports = "its own";\n',
    'handler.js':
      'const words = require("words");\nmodule.exports = (request, response) => response.end(words);\n',
    'handler.test.js': `require('node:test').test('words', () => require('node:assert').equal(require('words'), 'its own'));\n`,
  },
  python: {
    'requirements.txt': '-r words.txt\n',
    'words.txt': './words\n',
    'words/setup.py':
      'from setuptools import setup\nsetup(name="words", version="1", py_modules=["words"])\n',
    'words/words.py': 'WORDS = "its own"\n',
    'handler.py': 'import words\n\ndef handle(event, context):\n    return words.WORDS\n',
    'handler_test.py':
      'import unittest\nfrom .handler import handle\n\nclass Words(unittest.TestCase):\n    def test_words(self):\n        self.assertEqual(handle(None, None), "its own")\n',
  },
  ruby: {
    Gemfile: 'gem "words", path: "words"\n',
    'words/words.gemspec':
      'Gem::Specification.new { |it| it.name = "words"; it.version = "1"; it.summary = "words"; it.authors = ["me"]; it.files = ["words.rb"]; it.require_paths = ["."] }\n',
    'words/words.rb': 'WORDS = "its own"\n',
    'handler.rb': 'require "words"\ndef handle(event, context) = WORDS\n',
    'handler_test.rb':
      'require "bundler/setup"\nrequire_relative "handler"\nabort "no words" unless handle(nil, nil) == "its own"\n',
  },
  php: {
    'composer.json':
      '{ "name": "me/function", "repositories": [{ "type": "path", "url": "words" }, { "packagist.org": false }], "require": { "me/words": "*" } }',
    'words/composer.json':
      '{ "name": "me/words", "version": "1.0.0", "autoload": { "files": ["words.php"] } }',
    'words/words.php': '<?php const WORDS = "its own";\n',
    'handler.php': '<?php\nfunction handle($event, $context) { return WORDS; }\n',
    'handler_test.php':
      '<?php\nrequire "vendor/autoload.php";\nrequire "handler.php";\nexit(handle(null, null) === "its own" ? 0 : 1);\n',
  },
};
