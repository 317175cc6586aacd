import type { Dirent } from 'node:fs';

/** The page that lists a folder, in the order of the names' bytes; folders end in a slash. */
export function listingPage(entries: readonly Pick<Dirent, 'name' | 'isDirectory'>[]): string {
  const names = entries
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const links = names.map((name) => `<a href="${escapeHtml(relativeUrl(name))}">${escapeHtml(name)}</a>\n`);
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`;
}

/** A name in this folder as a URL: `a:b` would read as a scheme, hence `./a:b`. */
export function relativeUrl(name: string): string {
  const escaped = name.toWellFormed().split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
  return escaped.includes(':') ? `./${escaped}` : escaped;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
