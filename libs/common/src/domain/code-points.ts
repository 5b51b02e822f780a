/**
 * Sorts as UTF-8 bytes do, and so as object storage lists. JavaScript compares UTF-16 units, which put U+FF00 behind an emoji.
 * Negative, zero, positive.
 */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return toOrder(x) - toOrder(y);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for what lies above U+FFFF, behind all other units. */
const toOrder = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
