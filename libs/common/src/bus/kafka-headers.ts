import type { IHeaders } from 'kafkajs';

export type { IHeaders } from 'kafkajs';

/** One header as text: the last value where a name was written twice. Undefined when absent or without a value. */
export function headerText(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name];
  const last = Array.isArray(value) ? value.at(-1) : value;
  return last === undefined || last === null ? undefined : last.toString();
}

/** All headers as text, with names as written. */
export function toTextHeaders(headers: IHeaders | undefined): Map<string, string> {
  const texts = Object.keys(headers ?? {}).map((name) => [name, headerText(headers, name)] as const);
  return new Map(texts.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}
