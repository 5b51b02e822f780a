/** Undoes LZF. Returns undefined for bytes that are none. Source: lzf_d.c of liblzf. */
export function decompressLzf(input: Uint8Array, length: number): Buffer | undefined {
  const output = Buffer.allocUnsafe(length);
  let [from, to] = [0, 0];
  while (from < input.length) {
    const control = input[from++] as number;
    if (control < 32) {
      const end = from + control + 1;
      if (end > input.length || to + control + 1 > length) return undefined;
      output.set(input.subarray(from, end), to);
      to += control + 1;
      from = end;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += input[from++] ?? 0;
    let back = to - ((control & 0x1f) << 8) - (input[from++] ?? 0) - 1;
    if (back < 0 || to + count + 2 > length) return undefined;
    // What is copied may overlap what is written: byte by byte.
    for (let left = count + 2; left > 0; left -= 1) output[to++] = output[back++] as number;
  }
  return to === length ? output : undefined;
}
