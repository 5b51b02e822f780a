import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { StderrTail } from './stderr-tail.js';

async function feed(...chunks: Uint8Array[]) {
  const source = new PassThrough();
  const lines: string[] = [];
  const tail = new StderrTail(source, (line) => lines.push(line));
  for (const chunk of chunks) source.write(chunk);
  source.end();
  await once(source, 'end');
  return { lines, text: tail.text };
}

describe('StderrTail', () => {
  it('puts lines and characters together that came apart', async () => {
    const bytes = Buffer.from('größe\nzweite Zeile\nohne Ende');
    const { lines, text } = await feed(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(lines).toEqual(['größe', 'zweite Zeile', 'ohne Ende']);
    expect(text).toBe('größe\nzweite Zeile\nohne Ende');
  });

  it('keeps the end in whole lines and says that more came before', async () => {
    const many = Array.from({ length: 50_000 }, (_, i) => Buffer.from(`line ${i}\n`));
    const { text } = await feed(...many);
    expect(text.startsWith('…\nline ')).toBe(true);
    expect(text.endsWith('\nline 49999')).toBe(true);
    expect(text.length).toBeLessThanOrEqual(8_194);
  });

  it('is bounded also when no line ever ends', async () => {
    const { lines, text } = await feed(...Array.from({ length: 100 }, () => Buffer.alloc(65_536, 'x')));
    expect(text.length).toBeLessThanOrEqual(8_194);
    expect(lines.map((line) => line.length)).toEqual([8_192]);
  });
});
