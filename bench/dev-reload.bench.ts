// Question: how long after an edit is saved does `skep dev` serve it? From the write to an answer of the new handler, asked for when it says so.
import { DevProject } from '../test/dev/support/dev-project.ts';
import { record, recordMissing } from './support/record.ts';

const EDITS = 15;
const BUDGET = '<= 1';

/** A template, its handler's file, and what the greeting is edited to. */
const LANGUAGES = [
  { lang: 'typescript', file: 'handler.ts', greeting: 'Hello from TypeScript', needs: [] },
  { lang: 'node', file: 'handler.js', greeting: 'Hello from Node.js', needs: ['node', 'npm'] },
  { lang: 'python', file: 'handler.py', greeting: 'Hello from Python', needs: ['python3'] },
] as const;

export async function run(): Promise<void> {
  for (const { lang, file, greeting, needs } of LANGUAGES) {
    const name = `skep dev, edit to answer, ${lang}`;
    const missing = needs.filter((program) => Bun.which(program) === null);
    if (missing.length > 0) {
      recordMissing(`${name}, p50`, 's', BUDGET, `${missing.join(', ')} not on this machine`);
      continue;
    }
    const seconds = await reloads({ lang, file: `fn/${file}`, greeting });
    record(`${name}, p50`, seconds[Math.floor(seconds.length / 2)] ?? Number.NaN, 's', BUDGET);
    record(`${name}, slowest of ${EDITS}`, seconds.at(-1) ?? Number.NaN, 's');
  }
}

/** @returns seconds of each edit, sorted */
async function reloads(about: { lang: string; file: string; greeting: string }): Promise<number[]> {
  const { lang, file, greeting } = about;
  const project = new DevProject();
  try {
    await project.skep(['new', 'fn', '--lang', lang, '-q']);
    const dev = await project.dev();
    await dev.line(/^Watching/);
    const source = project.read(file);
    const times: number[] = [];
    for (let edit = 0; edit < EDITS; edit += 1) {
      await Bun.sleep(300); // a person's pause
      const wanted = `Edit ${edit}`;
      const began = performance.now();
      project.write(file, source.replace(greeting, wanted));
      // Not by asking all the time: each question starts processes of its own.
      await dev.line(/reloaded in/);
      const { text } = await dev.call('fn');
      if (!text.includes(`${wanted}"`)) throw new Error(`said to be reloaded, and answers ${text}`);
      times.push((performance.now() - began) / 1000);
    }
    return times.sort((a, b) => a - b);
  } finally {
    await project.remove();
  }
}
