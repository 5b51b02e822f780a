/** A file under docs/reference that is never edited by hand: its path from the project's root, and its text. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

export const toJsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
