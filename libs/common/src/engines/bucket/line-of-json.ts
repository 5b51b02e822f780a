/** Readers of lines in Node take two more signs for line breaks, which JSON leaves as they are: a key may hold them. */
export const toLineOfJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`);
