/** One line that a reader has to read twice. */
export interface WordViolation {
  readonly path: string;
  readonly line: number;
  readonly found: string;
  readonly instead: string;
}

/** Names the actor: the reader asks "who?" at each of these. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/i, 'name the actor: the worker, the operator, the caller'],
  [/\bsome(body|one)\b/i, 'name the actor: another process, an operator, a session'],
  [/\b(is|are|was|were|be|been) told\b/i, 'say who says what to whom, or which event is written'],
  [/\bat hand\b/i, 'say where it is, or leave it out'],
  [/\b(its|becomes a) fact\b/i, 'facts are what a snapshot holds; what is published is an event'],
];

/** Everything that a reader opens, tests and their names included. Decision records keep the words that they have. */
const READ = [
  /^(apps|bench|examples|libs|test|tools)\/.*[.](cjs|md|mjs|sh|ts|yaml)$/,
  /^(changelog|docs\/(design|explanation|how-to|tutorials))\/.*[.]md$/,
  /^(docs\/)?README[.]md$/,
];
/** This file and its spec name the words themselves. */
const LEFT_OUT = [/^tools\/check\/plain-words[.]/];

export const isReadForWords = (path: string): boolean =>
  READ.some((pattern) => pattern.test(path)) && !LEFT_OUT.some((pattern) => pattern.test(path));

/** Finds the words that hide an actor, line by line, in code, comments and messages alike. */
export const findHiddenActors = (path: string, text: string): WordViolation[] =>
  text.split('\n').flatMap((content, index) =>
    WORDS.flatMap(([pattern, instead]) => {
      const found = pattern.exec(content)?.[0];
      return found === undefined ? [] : [{ path, line: index + 1, found, instead }];
    }),
  );
