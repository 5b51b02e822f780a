import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '#common/errors/app-error.js';
import { createLogger } from './logger.js';

const secret = 'correct-horse';
let lines: string[] = [];
const logger = createLogger({
  service: 'executor',
  level: 'info',
  secrets: [secret],
  to: { write: (line) => lines.push(line) },
});
const last = () => JSON.parse(lines.at(-1) ?? '{}');

beforeEach(() => {
  lines = [];
});

describe('logger', () => {
  it('writes one JSON line with service, level, time, fields of the child and of the call', () => {
    logger.child({ runId: 'r1' }).info({ dataset: 'shop' }, 'run claimed');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      service: 'executor',
      runId: 'r1',
      dataset: 'shop',
      msg: 'run claimed',
    });
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
  });

  it('shows a secret nowhere: fields, messages, children, errors, their context, causes and stacks', () => {
    const cause = new Error(`login with ${secret} failed`);
    const error = new AppError('engine.exit', `pg_dump: ${secret}`, { tail: [`PGPASSWORD=${secret}`] }, { cause });
    logger
      .child({ url: `postgres://app:${secret}@db/shop` })
      .error({ err: error, deep: { note: secret } }, `no ${secret}`);
    expect(lines.join('')).not.toContain(secret);
    expect(last()).toMatchObject({ err: { code: 'engine.exit' }, msg: 'no [redacted]' });
  });

  it('drops lines below its level', () => {
    logger.debug({}, 'detail');
    expect(lines).toEqual([]);
  });
});
