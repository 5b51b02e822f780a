import { describe, expect, it } from '@jest/globals';
import { createRedactor } from './redaction.js';

const secret = 's3cr"t/påss&word';
const redactor = createRedactor([secret, 'abc', '']);

describe('redaction', () => {
  it.each([
    ['as it is', secret],
    ['inside a URL', `https://host/?p=${encodeURIComponent(secret)}`],
    ['in JSON inside a string', JSON.stringify({ p: secret })],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['twice in a sentence', `${secret} and ${secret}`],
  ])('takes a known secret out %s', (_form, text) => {
    const redacted = redactor.text(text);
    expect(redacted).toContain('[redacted]');
    expect(redactor.hasSecret(redacted)).toBe(false);
    expect(redactor.hasSecret(text)).toBe(true);
  });

  it('takes a short secret out only where it is the whole value', () => {
    expect(redactor.text('abc')).toBe('[redacted]');
    expect(redactor.text('abcdefg')).toBe('abcdefg');
  });

  it('takes passwords out of URLs that were not declared as secrets', () => {
    expect(redactor.text('connect postgres://app:hunter2@db:5432/shop failed')).toBe(
      'connect postgres://app:[redacted]@db:5432/shop failed',
    );
  });

  it('hides what is named like a secret, at any depth, and keeps the rest as it is', () => {
    const value = { list: [{ password: 'x', port: 5432, at: null }], authorization: 'Bearer y', tokens: 3 };
    expect(redactor.value(value)).toEqual({
      list: [{ password: '[redacted]', port: 5432, at: null }],
      authorization: '[redacted]',
      tokens: 3,
    });
  });

  it('leaves everything alone when there is no secret', () => {
    expect(createRedactor([]).text('plain')).toBe('plain');
  });
});
