import { describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { parsePgUrl } from './connection.js';

function problemOf(url: string): AppError {
  try {
    parsePgUrl(url);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`${url} was accepted`);
}

describe('parsePgUrl', () => {
  it('unescapes every part', () => {
    expect(parsePgUrl('postgres://a%40b:50%25%20off@db.example:6432/my%20shop?sslmode=require')).toEqual({
      ...{ host: 'db.example', port: 6432, user: 'a@b', password: '50% off', database: 'my shop' },
      ...{ sslMode: 'require', sslRootCert: undefined },
    });
  });

  it('calls a percent sign that is no escape a mistake of the configuration, and shows nothing of the url', () => {
    const error = problemOf('postgres://shop:hidden%Zpassword@db/shop');
    expect(error.code).toBe('config.invalid');
    expect(error.hint).toContain('%25');
    expect(`${error.message} ${error.hint}`).not.toContain('hidden');
  });

  it.each(['postgres://shop:hidden@db:99999/shop', 'postgres://shop:hidden@/shop', 'mysql://shop:hidden@db/shop'])(
    'refuses %s without repeating it',
    (url) => {
      const error = problemOf(url);
      expect(error.code).toBe('config.invalid');
      expect(error.message).not.toContain('hidden');
    },
  );
});
