import { describe, expect, it } from '@jest/globals';
import { findCollisions, parseRepositoryUrl } from './repository-url.js';

describe('the url of a repository', () => {
  it.each([
    ['s3://b', { storage: 's3', bucket: 'b', prefix: '' }],
    ['s3://b/', { storage: 's3', bucket: 'b', prefix: '' }],
    ['s3://b/prod', { storage: 's3', bucket: 'b', prefix: 'prod' }],
    ['s3://b//a///b/', { storage: 's3', bucket: 'b', prefix: 'a/b' }],
    ['s3://b/50% off', { storage: 's3', bucket: 'b', prefix: '50% off' }],
    ['s3://b/a%20b', { storage: 's3', bucket: 'b', prefix: 'a%20b' }],
    ['s3://b/Zürich/東京', { storage: 's3', bucket: 'b', prefix: 'Zürich/東京' }],
    ['s3://b/..a/b..', { storage: 's3', bucket: 'b', prefix: '..a/b..' }],
    ['file:///srv/backups/', { storage: 'file', root: '/srv/backups' }],
    ['file:////srv//backups', { storage: 'file', root: '/srv/backups' }],
    ['file:///srv/a%20b/50%25%23', { storage: 'file', root: '/srv/a b/50%#' }],
    ['file:///srv/Zürich ü', { storage: 'file', root: '/srv/Zürich ü' }],
  ])('%s means one place', (url, place) => {
    expect(parseRepositoryUrl(url)).toEqual(place);
  });

  it.each([
    ['s3://b/a?b', '"?"'],
    ['s3://b/a#b', '"#"'],
    ['file:///srv/a?b', '"?"'],
    ['s3://b/a/../c', '".."'],
    ['s3://b/.', '"."'],
    ['file:///srv/../etc', '".."'],
    ['file:///srv/%2e%2e/etc', '".."'],
    ['file:///srv/a%2Fb', '"a/b"'],
    ['s3://b/a\nb', 'control character'],
    ['file:///srv/a%0Ab', '"a\\nb"'],
    ['file:///srv/50% off', '%25'],
    [`s3://b/${'x'.repeat(900)}`, '803 bytes'],
  ])('%j is refused, and not cut to something else', (url, named) => {
    expect(() => parseRepositoryUrl(url, 'it')).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: expect.stringContaining(named) }),
    );
  });

  it.each(['https://s3.example/holdfast', 's3:///prefix', 'file://host/path', 'file:///', '/var/lib', 's3://', ''])(
    '%j is none, and the message says what one is',
    (url) => {
      expect(() => parseRepositoryUrl(url)).toThrow('must look like s3://bucket/prefix or file:///absolute/path');
    },
  );
});

describe('two repositories', () => {
  const endpoint = 'https://s3.example';
  const collisions = (first: string, second: string, datasets: string[] = []) =>
    findCollisions([
      { name: 'first', url: first, endpoint, datasets },
      { name: 'second', url: second, endpoint, datasets: [] },
    ]);

  it.each([
    ['s3://b/prod', 's3://b/prod/'],
    ['s3://b/a/b', 's3://b//a//b'],
    ['file:///srv/a b', 'file:///srv/a%20b/'],
  ])('of %s and %s are one place', (first, second) => {
    expect(collisions(first, second)).toEqual([{ name: 'second', with: 'first' }]);
  });

  it.each([
    ['s3://b/a%20b', 's3://b/a b'],
    ['s3://b/prod', 's3://b/production'],
    ['s3://b/prod', 's3://c/prod'],
    ['s3://b/prod', 's3://b'],
  ])('of %s and %s are apart', (first, second) => {
    expect(collisions(first, second)).toEqual([]);
  });

  it('are apart under the same name in two servers', () => {
    const same = { url: 's3://b/prod', datasets: [] };
    const both = [
      { ...same, name: 'here', endpoint: 'http://127.0.0.1:9000' },
      { ...same, name: 'there', endpoint: 'http://127.0.0.1:9001' },
    ];
    expect(findCollisions(both)).toEqual([]);
  });

  const atEndpoints = (...endpoints: (string | undefined)[]) =>
    findCollisions(
      endpoints.map((at, index) => ({ name: `${index}`, url: 's3://b/prod', endpoint: at, datasets: [] })),
    );

  it.each([
    'https://s3.amazonaws.com/',
    'http://s3.amazonaws.com',
    'https://s3.eu-central-1.amazonaws.com',
    'https://s3-eu-west-1.amazonaws.com',
    'https://s3.dualstack.us-west-2.amazonaws.com',
    'https://bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com',
  ])('are one place at Amazon, without an endpoint and at %s', (other) => {
    expect(atEndpoints(undefined, other)).toEqual([{ name: '1', with: '0' }]);
  });

  it('are apart in the partitions of Amazon, and where a host only looks like one of its', () => {
    const [china, government] = ['https://s3.cn-north-1.amazonaws.com.cn', 'https://s3.us-gov-west-1.amazonaws.com'];
    expect(atEndpoints(undefined, china, government, 'https://notamazonaws.com')).toEqual([]);
  });

  it('may lie in each other, but not in the folder of a dataset', () => {
    expect(collisions('s3://b', 's3://b/shop', ['crm'])).toEqual([]);
    expect(collisions('s3://b', 's3://b/shop/more', ['shop'])).toEqual([{ name: 'second', with: 'first' }]);
    expect(collisions('s3://b/x', 's3://b/x/_control')).toEqual([{ name: 'second', with: 'first' }]);
  });
});
