const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"/y;
const ARRAY = '(ARRAY[';
/** The rest of `(…)::schema."type"[]`. */
const CAST = /\)::((?:\w+|"(?:[^"]|"")*")(?:\.(?:\w+|"(?:[^"]|"")*"))?(?: [a-z]+)*)\[\]/y;

/**
 * PostgreSQL prints `status IN ('a', 'b')` of a `varchar` in one way when it was typed, `(ARRAY['a'::character varying, …])::text[]`, and in
 * another once that text was read again, as a restore does: `ARRAY[('a'::character varying)::text, …]`. Both are written in the second way.
 */
export function toCanonicalExpression(text: string): string {
  if (!text.includes(ARRAY)) return text;
  let written = '';
  let at = 0;
  while (at < text.length) {
    const array = text.startsWith(ARRAY, at) ? readCastArray(text, at) : undefined;
    const end = array?.end ?? endOfPiece(text, at);
    written += array?.text ?? text.slice(at, end);
    at = end;
  }
  return written;
}

/** The end of a quoted piece, or of one character. */
function endOfPiece(text: string, at: number): number {
  QUOTED.lastIndex = at;
  return QUOTED.test(text) ? QUOTED.lastIndex : at + 1;
}

/** `(ARRAY[a, b])::t[]` that begins here; undefined where brackets close in another way. */
function readCastArray(text: string, start: number): { text: string; end: number } | undefined {
  const elements: string[] = [];
  let [depth, from] = [0, start + ARRAY.length];
  for (let at = from; at < text.length; ) {
    const character = text[at] ?? '';
    if (depth === 0 && (character === ',' || character === ']')) {
      elements.push(text.slice(from, at).trim());
      from = at + 1;
      if (character === ']') return toCastElements(text, at + 1, elements);
    }
    if ('([{'.includes(character)) depth += 1;
    if (')]}'.includes(character)) depth -= 1;
    at = endOfPiece(text, at);
  }
  return undefined;
}

function toCastElements(text: string, at: number, elements: readonly string[]) {
  CAST.lastIndex = at;
  const type = CAST.exec(text)?.[1];
  if (type === undefined) return undefined;
  const end = CAST.lastIndex;
  const cast = elements.map((element) => `(${toCanonicalExpression(element)})::${type}`);
  return { text: `ARRAY[${cast.join(', ')}]`, end };
}
