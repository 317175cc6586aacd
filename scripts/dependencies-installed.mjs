// Run by Node before anything is installed: ends with 0 when node_modules is what package-lock.json names.
import { readFileSync } from 'node:fs';

try {
  const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  const differs = Object.entries(wanted).some(
    ([path, { version, optional }]) => path !== '' && !optional && installed[path]?.version !== version,
  );
  process.exitCode = differs ? 1 : 0;
} catch {
  process.exitCode = 1; // never installed
}
