const SNIFFED_BYTES = 512;

const MAGIC: readonly (readonly [prefix: string, type: string])[] = [
  ['%PDF-', 'application/pdf'],
  ['%!PS-Adobe-', 'application/postscript'],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['\xff\xd8\xff', 'image/jpeg'],
  ['GIF87a', 'image/gif'],
  ['GIF89a', 'image/gif'],
  ['BM', 'image/bmp'],
  ['\x1f\x8b\x08', 'application/x-gzip'],
  ['PK\x03\x04', 'application/zip'],
  ['OggS\x00', 'application/ogg'],
  ['wOFF', 'font/woff'],
  ['wOF2', 'font/woff2'],
];
const HTML =
  /^(?:<!DOCTYPE HTML|<HTML|<HEAD|<SCRIPT|<IFRAME|<H1|<DIV|<FONT|<TABLE|<A|<STYLE|<TITLE|<B|<BODY|<BR|<P|<!--)[ >]/i;

/**
 * The media type of a body by its first 512 bytes, for the answers nobody gave a type: a subset of the WHATWG rules
 * that Go's HTTP server follows. Text is `text/plain; charset=utf-8`, so is an empty body.
 */
export function sniffContentType(body: Uint8Array): string {
  const head = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, SNIFFED_BYTES)).toString(
    'latin1',
  );
  const text = head.replace(/^[\t\n\f\r ]+/, '');
  if (HTML.test(text)) return 'text/html; charset=utf-8';
  if (text.startsWith('<?xml')) return 'text/xml; charset=utf-8';
  for (const [prefix, type] of MAGIC) if (head.startsWith(prefix)) return type;
  if (head.startsWith('RIFF') && head.slice(8, 14) === 'WEBPVP') return 'image/webp';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the bytes that make a body binary
  const isBinary = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(head);
  return isBinary ? 'application/octet-stream' : 'text/plain; charset=utf-8';
}
