import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from './define-event.js';

const Ordered = defineEvent({
  type: 'thing.ordered',
  version: 2,
  summary: 'A thing was ordered',
  key: (data) => data.name,
  data: z.object({ name: z.string(), count: z.int().default(1) }),
  upcast: { 1: (old) => ({ ...old, name: old.title }) },
});

const origin = { id: '1', source: 'test', time: new Date('2026-01-02T03:04:05Z') };
const received = (data: unknown, dataschema?: string) => ({
  ...{
    specversion: '1.0' as const,
    id: '1',
    source: 'test',
    type: 'thing.ordered',
    time: '2026-01-02T03:04:05Z',
    data,
  },
  ...(dataschema === undefined ? {} : { dataschema }),
});

describe('an event definition', () => {
  it('writes its schema, time and defaults', () => {
    const event = Ordered.create({ name: 'a' }, { ...origin, correlationid: 'c' });
    expect(event).toMatchObject({
      dataschema: 'urn:holdfast:event:thing.ordered:2',
      time: '2026-01-02T03:04:05.000Z',
      correlationid: 'c',
      data: { name: 'a', count: 1 },
    });
    expect(event).not.toHaveProperty('causationid');
  });

  it('writes strictly: a field that the definition lacks is a defect', () => {
    expect(() => Ordered.create({ name: 'a', colour: 'red' } as never, origin)).toThrow(/colour/);
  });

  it.each([
    ['an id with a line feed', { id: 'a\nb' }],
    ['an id that is too long', { id: 'x'.repeat(201) }],
    ['a source with a NUL', { source: 'a\u0000' }],
    ['a correlationid that is too long', { correlationid: 'x'.repeat(201) }],
  ])('writes nothing that every reader refuses: %s', (_, wrong) => {
    const [name] = Object.keys(wrong);
    expect(() => Ordered.create({ name: 'a' }, { ...origin, ...wrong })).toThrow(new RegExp(`not valid: ${name}: `));
  });

  it('reads leniently: unknown fields are ignored', () => {
    expect(Ordered.parse(received({ name: 'a', colour: 'red' })).data).toEqual({ name: 'a', count: 1 });
  });

  it('reads what was stored in an older version as it reads today, and says what is newer than it knows', () => {
    expect(Ordered.read({ title: 'a' }, 1)).toEqual({ name: 'a', count: 1 });
    expect(Ordered.read({ name: 'a' }, 2)).toEqual({ name: 'a', count: 1 });
    expect(() => Ordered.read({ name: 'a' }, 3)).toThrow(/version 3 is newer/);
  });

  it('takes a missing dataschema for the current version', () => {
    expect(() => Ordered.parse(received({ title: 'a' }))).toThrow(/name/);
  });

  it('upcasts an old version', () => {
    expect(Ordered.parse(received({ title: 'a' }, 'urn:holdfast:event:thing.ordered:1')).data.name).toBe('a');
  });

  it.each(['urn:holdfast:event:thing.ordered:3', 'urn:holdfast:event:thing.ordered:0', 'https://elsewhere/schema'])(
    'refuses the unknown version %s',
    (dataschema) => {
      expect(() => Ordered.parse(received({ name: 'a' }, dataschema))).toThrow(/dataschema/);
    },
  );

  it('names every wrong field at once', () => {
    expect(() => Ordered.parse(received({ count: 'many' }))).toThrow(/name: .*; count: /);
  });
});
