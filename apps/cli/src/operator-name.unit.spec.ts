import { describe, expect, it } from '@jest/globals';
import { operatorName } from './operator-name.js';

const withoutEntry = (): never => {
  throw new Error('A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)');
};

describe('the name of the operator', () => {
  it('is that of the user', () => {
    expect(operatorName({ USER: 'other' }, () => ({ username: 'ada' }))).toBe('ada');
  });

  it.each([
    [{ USER: 'ada' }, 'ada'],
    [{ USER: '' }, `uid ${process.getuid?.()}`],
    [{}, `uid ${process.getuid?.()}`],
  ])('is there also for a uid without an entry in the passwd file: %j', (env, name) => {
    expect(operatorName(env, withoutEntry)).toBe(name);
  });
});
