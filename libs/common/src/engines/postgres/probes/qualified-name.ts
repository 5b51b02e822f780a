const PART = /"(?:[^"]|"")*"|[^".]+/g;

/** `public."Order Lines"` as its parts, unquoted. */
export function splitQualifiedName(qualified: string): { schema: string; name: string } {
  const [schema = '', name = ''] = (qualified.match(PART) ?? []).map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part,
  );
  return { schema, name };
}
