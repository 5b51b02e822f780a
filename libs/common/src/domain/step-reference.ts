import type { Json } from './json.js';

/** `${steps.restore-db.destination}`: what an earlier step of a plan brought about. `${run.id}`: the run of the plan. */
export type StepReference = { readonly text: string } & (
  | { readonly step: string; readonly output: string }
  | { readonly run: 'id' }
);

/** Stands where a value is an input from another step, or wants to be. Shell variables and `${env:…}` are neither. */
const PLACEHOLDER = /\$\{(?:steps|run)\b[^}]*\}?/g;
const REFERENCE = /^\$\{steps\.([a-z0-9][a-z0-9_-]*)\.([A-Za-z][\w-]*)\}$/;
const RUN_ID = '${run.id}';

export interface FoundReferences {
  readonly references: readonly StepReference[];
  /** What begins as a reference and is none. */
  readonly unreadable: readonly string[];
}

/** Everything that a value of a configuration refers to, at any depth. */
export function findReferences(value: unknown): FoundReferences {
  const texts = textsIn(value).flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([found]) => found));
  const parsed = texts.map((text) => ({ text, reference: parseReference(text) }));
  return {
    references: parsed.flatMap(({ reference }) => reference ?? []),
    unreadable: parsed.flatMap(({ text, reference }) => (reference === undefined ? [text] : [])),
  };
}

/** Puts in what references stand for; a value of which `lookUp` knows nothing stays as it is. */
export function fillReferences<T extends Json>(value: T, lookUp: (reference: StepReference) => string | undefined): T {
  const fill = (node: Json): Json => {
    if (typeof node === 'string') return node.replace(PLACEHOLDER, (text) => replace(text, lookUp));
    if (node === null || typeof node !== 'object') return node;
    if (Array.isArray(node)) return node.map(fill);
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, fill(item)]));
  };
  return fill(value) as T;
}

function replace(text: string, lookUp: (reference: StepReference) => string | undefined): string {
  const reference = parseReference(text);
  return (reference && lookUp(reference)) ?? text;
}

function parseReference(text: string): StepReference | undefined {
  if (text === RUN_ID) return { text, run: 'id' };
  const [, step, output] = REFERENCE.exec(text) ?? [];
  return step === undefined || output === undefined ? undefined : { text, step, output };
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(textsIn);
}
