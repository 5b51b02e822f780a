/** Undoes LZF. Returns undefined for bytes that are none. Source: lzf_d.c of liblzf. */
export function decompressLzf(input: Uint8Array, length: number): Buffer | undefined {
  const state: State = { input, output: Buffer.allocUnsafe(length), from: 0, to: 0 };
  while (state.from < input.length) {
    const control = input[state.from++] as number;
    const isGood = control < 32 ? takeLiteral(state, control + 1) : repeat(state, control);
    if (!isGood) return undefined;
  }
  return state.to === length ? state.output : undefined;
}

interface State {
  readonly input: Uint8Array;
  readonly output: Buffer;
  from: number;
  to: number;
}

function takeLiteral(state: State, count: number): boolean {
  const { input, output, from, to } = state;
  if (from + count > input.length || to + count > output.length) return false;
  output.set(input.subarray(from, from + count), to);
  state.from += count;
  state.to += count;
  return true;
}

/** What is copied may overlap what is written: byte by byte. */
function repeat(state: State, control: number): boolean {
  const { input, output, to } = state;
  const extra = control >> 5 === 7 ? (input[state.from++] ?? 0) : 0;
  const distance = ((control & 0x1f) << 8) + (input[state.from++] ?? 0) + 1;
  const end = to + (control >> 5) + extra + 2;
  if (distance > to || end > output.length) return false;
  for (let at = to; at < end; at += 1) output[at] = output[at - distance] as number;
  state.to = end;
  return true;
}
