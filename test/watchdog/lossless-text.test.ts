import { expect } from 'chai';
import { losslessText } from '../../watchdog/lossless-text.ts';

/** The way back, as a program that reads the document does it. */
function toBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character));
  }
  return Buffer.concat(parts);
}

describe('losslessText', () => {
  it('decodes UTF-8 as it is', () => {
    for (const text of ['', 'plain', 'é', '漢字', '🐝', '\ufeffbom', 'really \ufffd'])
      expect(losslessText(Buffer.from(text))).to.equal(text);
  });

  it('keeps each byte that is no UTF-8', () => {
    expect(losslessText(Buffer.from([0x61, 0xff, 0x62]))).to.equal('a\udcffb');
    // Cut off, overlong, a surrogate, beyond the last character.
    for (const bytes of [[0xe6, 0xbc], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc3]])
      expect(losslessText(Buffer.from(bytes))).to.equal(
        String.fromCharCode(...bytes.map((byte) => 0xdc00 + byte)),
      );
    expect(losslessText(Buffer.from([0xc3, 0xc3, 0xa9, 0x80]))).to.equal('\udcc3é\udc80');
  });

  it('gives any bytes back, through JSON too', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647);
    for (let round = 0; round < 500; round++) {
      const bytes = Buffer.from(Array.from({ length: random() % 24 }, () => random() % 256));
      const text = losslessText(bytes);
      expect(toBytes(text).equals(bytes), bytes.toString('hex')).to.equal(true);
      const document = Buffer.from(JSON.stringify(text)).toString('utf8');
      expect(toBytes(JSON.parse(document) as string).equals(bytes), bytes.toString('hex')).to.equal(true);
    }
  });
});
