import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Manifest } from '#common/contracts/manifest.js';
import { manifestArbitrary } from '#common/testing/manifest-arbitrary.js';
import { encodeManifest, parseManifest } from './manifest-codec.js';

const [sample] = fc.sample(manifestArbitrary(), { numRuns: 1, seed: 1 }) as [Manifest];
const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('manifest codec', () => {
  it('gives back every manifest as it was', () => {
    fc.assert(
      fc.property(manifestArbitrary(), (manifest) => {
        expect(parseManifest(encodeManifest(manifest))).toEqual(manifest);
      }),
    );
  });

  it('writes for people: indented, with the format version first', () => {
    const text = Buffer.from(encodeManifest(sample)).toString();
    expect(text.split('\n').slice(0, 2)).toEqual(['{', '  "formatVersion": 1,']);
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('ignores fields of a later writer of the same version', () => {
    expect(parseManifest(encode({ ...sample, colour: 'blue' }))).toEqual(sample);
  });

  it('refuses a format version that it does not know, whatever else the manifest says', () => {
    expect(() => parseManifest(encode({ formatVersion: 2 }))).toThrow(
      expect.objectContaining({ code: 'repository.format', message: expect.stringContaining('version 2') }),
    );
  });

  it.each([
    ['no JSON', Buffer.from('{"formatVersion": 1, "data')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['nothing', Buffer.alloc(0)],
    ['no object', encode([])],
    ['a size that is no number', encode({ ...sample, objects: [{ ...sample.objects[0], sizeBytes: 'much' }] })],
    ['no objects', encode({ ...sample, objects: [] })],
    ['a digest that is none', encode({ ...sample, objects: [{ ...sample.objects[0], sha256: 'abc' }] })],
  ])('calls a manifest corrupt that holds %s', (_, bytes) => {
    expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: 'backup.corrupt' }));
  });

  it('never writes what its own reader would refuse', () => {
    expect(() => encodeManifest({ ...sample, objects: [] })).toThrow(expect.objectContaining({ code: 'internal.bug' }));
  });
});
