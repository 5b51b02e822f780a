import { describe, expect, it } from '@jest/globals';
import { openRepository } from './open-repository.js';

const keys = { accessKeyId: 'AKIA', secretAccessKey: 'hunter2' };

describe('openRepository', () => {
  it.each([
    ['s3://holdfast/prod/', 's3://holdfast/prod at https://s3.example'],
    ['s3://holdfast', 's3://holdfast at https://s3.example'],
    ['file:///var/lib/holdfast/', 'file:///var/lib/holdfast'],
  ])('opens %s without a connection', async (url, location) => {
    const repository = openRepository({ name: 'offsite', url, endpoint: 'https://s3.example', ...keys });
    expect(repository.name).toBe('offsite');
    expect(repository.location).toBe(location);
    await repository.close();
  });

  it('names the repository whose url it cannot read', () => {
    expect(() => openRepository({ name: 'offsite', url: 's3://b/a?b', ...keys })).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: expect.stringContaining('repository offsite has a "?"'),
      }),
    );
  });

  it('refuses one key without the other, naming neither value', () => {
    const { secretAccessKey } = keys;
    expect(() => openRepository({ name: 'offsite', url: 's3://holdfast', secretAccessKey })).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.not.stringContaining('hunter2') }),
    );
  });
});
