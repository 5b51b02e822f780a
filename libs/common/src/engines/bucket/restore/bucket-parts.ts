import { AppError } from '#common/errors/app-error.js';

/** `2026/*`: what keys begin with. `logo.png`: one key. A key that itself ends with a star is said as `odd\*`. */
export function toMatcher(part: string): { readonly text: string; readonly isPrefix: boolean } {
  if (part.endsWith('\\*')) return { text: `${part.slice(0, -2)}*`, isPrefix: false };
  return part.endsWith('*') ? { text: part.slice(0, -1), isPrefix: true } : { text: part, isPrefix: false };
}

/** Which objects of a backup a restore is about, by the key behind the prefix of the dataset. */
export class BucketParts {
  private readonly matchers: readonly { readonly text: string; readonly isPrefix: boolean; readonly part: string }[];
  private readonly found = new Set<string>();
  /** Every key of the parts begins with it: nothing else needs to be listed. */
  readonly prefix: string;

  /** Undefined: all objects. */
  constructor(parts: readonly string[] | undefined) {
    this.matchers = (parts ?? ['*']).map((part) => ({ ...toMatcher(part), part }));
    this.prefix = this.matchers.map(({ text }) => text).reduce(commonStart);
  }

  has(key: string): boolean {
    return this.matchers.some((each) => matches(each, key));
  }

  /** Of a key of the backup: its parts are in the backup. */
  note(key: string): void {
    for (const each of this.matchers) if (matches(each, key)) this.found.add(each.part);
  }

  /** Once every key of the backup was noted. Throws: request.invalid naming the parts that the backup lacks. */
  assertFound(backupId: string): void {
    const absent = this.matchers.map(({ part }) => part).filter((part) => part !== '*' && !this.found.has(part));
    if (absent.length === 0) return;
    const names = absent.map((part) => JSON.stringify(part)).join(', ');
    const hint =
      'Write a key as the bucket has it behind the prefix of the dataset, or what keys begin with followed by `*`; `holdfast backup list` shows other backups.';
    throw new AppError('request.invalid', `backup ${backupId} holds nothing of ${names}`, { absent }, { hint });
  }
}

const matches = ({ text, isPrefix }: { readonly text: string; readonly isPrefix: boolean }, key: string): boolean =>
  isPrefix ? key.startsWith(text) : key === text;

function commonStart(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  // Half of a surrogate pair is nothing that a server can be asked for.
  const last = one.charCodeAt(length - 1);
  return one.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
