import type { Json } from '#common/domain/json.js';

const STEP = /\.?([^.[\]]+)|\[(\d+)\]/y;

/** `data.products[0].name` as its steps; undefined when it is no such path. */
export function parseJsonPath(text: string): readonly (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return undefined;
    steps.push(match[1] ?? Number(match[2]));
  }
  return text.startsWith('.') ? undefined : steps;
}

/** What stands at the path; undefined when nothing does. Own members only: `constructor` is nothing. */
export function readJsonPath(document: Json | undefined, path: string): Json | undefined {
  let node: Json | undefined = document;
  for (const step of parseJsonPath(path) ?? []) {
    if (node === null || typeof node !== 'object' || !Object.hasOwn(node, step)) return undefined;
    node = (node as Readonly<Record<string | number, Json>>)[step];
  }
  return node;
}
