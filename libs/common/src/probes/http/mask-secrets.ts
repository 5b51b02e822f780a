import { toPlainJson } from '#common/domain/exact-json.js';
import type { Json } from '#common/domain/json.js';
import type { Evidence } from '#common/domain/verdict.js';

/** Shorter values are no secrets worth the unreadable evidence: `on`, `10`, `de`. */
const SHORTEST = 4;

/** Replaces known secret values wherever they turn up in what is shown. */
export class SecretMask {
  private readonly secrets = new Set<string>();

  /** `Bearer abc` hides both itself and `abc`. */
  add(text: string): void {
    for (const part of [text, text.split(' ').at(-1) ?? '']) if (part.length >= SHORTEST) this.secrets.add(part);
  }

  /** Every text inside a value. */
  addAll(value: Json | undefined): void {
    if (typeof value === 'string') this.add(value);
    else if (value !== null && typeof value === 'object') for (const item of Object.values(value)) this.addAll(item);
  }

  text(text: string): string {
    return [...this.secrets]
      .sort((a, b) => b.length - a.length)
      .reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }

  value(given: Json): Json {
    const value = toPlainJson(given);
    if (typeof value === 'string') return this.text(value);
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.value(item)]));
  }

  evidence({ subject, expected, actual, problem }: Evidence): Evidence {
    return {
      subject: this.text(subject),
      ...(expected === undefined ? {} : { expected: this.value(expected) }),
      ...(actual === undefined ? {} : { actual: this.value(actual) }),
      ...(problem === undefined ? {} : { problem: this.text(problem) }),
    };
  }
}
