import { describe, expect, it } from '@jest/globals';
import { ScheduleConfig } from '#common/config/policies.config.js';
import { toLocalText } from '#common/domain/zone.js';
import { nextSlot, toScheduleRules } from './timetable.js';

const schedule = (cron: string, zone: string) => ScheduleConfig.parse({ dataset: 'shop', cron, zone });

function slotsAfter(cron: string, zone: string, instant: string, count: number): Date[] {
  const config = schedule(cron, zone);
  const slots: Date[] = [];
  for (let at: Date | undefined = new Date(instant); at !== undefined && slots.length < count; ) {
    at = nextSlot(config, at);
    if (at !== undefined) slots.push(at);
  }
  return slots;
}

const told = (cron: string, zone: string, instant: string, count: number) =>
  slotsAfter(cron, zone, instant, count).map((at) => toLocalText(zone, at));

const [BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, CAIRO] = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Africa/Cairo',
];

describe('a slot', () => {
  it('is meant in the schedule’s own zone, in winter and in summer', () => {
    const nightly = (instant: string) => slotsAfter('0 2 * * *', BERLIN, instant, 1)[0]?.toISOString();
    expect(nightly('2026-01-10T12:00:00Z')).toBe('2026-01-11T01:00:00.000Z');
    expect(nightly('2026-07-10T12:00:00Z')).toBe('2026-07-11T00:00:00.000Z');
  });

  it('is the same in whatever order instants are asked for, also around a change of clocks', () => {
    const config = schedule('30 */2 * * *', BERLIN);
    const begin = new Date('2026-10-24T20:00:00Z').getTime();
    const instants = Array.from({ length: 60 }, (_, index) => new Date(begin + index * 17 * 60_000));
    const inOrder = instants.map((at) => nextSlot(config, at)?.toISOString());
    const inReverse = instants.toReversed().map((at) => nextSlot(config, at)?.toISOString());
    expect(inReverse.reverse()).toEqual(inOrder);
    const firstOf = (at: Date) =>
      slotsAfter('30 */2 * * *', BERLIN, '2026-10-24T18:00:00Z', 40).find((slot) => slot > at);
    expect(inOrder).toEqual(instants.map((at) => firstOf(at)?.toISOString()));
  });

  it('does not exist for a date that never comes', () => {
    expect(slotsAfter('0 0 30 2 *', BERLIN, '2026-01-01T00:00:00Z', 1)).toEqual([]);
  });
});

describe('at a time of the day', () => {
  it.each([
    [
      'in Berlin',
      BERLIN,
      '2026-03-27T12:00:00Z',
      ['2026-03-28 02:30:00 +01:00', '2026-03-29 03:00:00 +02:00', '2026-03-30 02:30:00 +02:00'],
    ],
    [
      'in New York',
      NEW_YORK,
      '2026-03-07T06:00:00Z',
      ['2026-03-07 02:30:00 -05:00', '2026-03-08 03:00:00 -04:00', '2026-03-09 02:30:00 -04:00'],
    ],
  ])('a slot comes when the clocks are set forward over it, %s', (_, zone, after, expected) => {
    expect(told('30 2 * * *', zone, after, 3)).toEqual(expected);
  });

  it('a slot comes half an hour later on Lord Howe Island, where half an hour is left out', () => {
    expect(told('10 2 * * *', LORD_HOWE, '2026-10-02T20:00:00Z', 2)).toEqual([
      '2026-10-04 02:30:00 +11:00',
      '2026-10-05 02:10:00 +11:00',
    ]);
  });

  it('a slot at midnight comes at one where the day begins then', () => {
    expect(told('0 0 * * *', CAIRO, '2026-04-23T12:00:00Z', 2)).toEqual([
      '2026-04-24 01:00:00 +03:00',
      '2026-04-25 00:00:00 +03:00',
    ]);
  });

  it('several slots that are left out come as one', () => {
    expect(told('*/15 2 * * *', BERLIN, '2026-03-28T01:45:00Z', 3)).toEqual([
      '2026-03-29 03:00:00 +02:00',
      '2026-03-30 02:00:00 +02:00',
      '2026-03-30 02:15:00 +02:00',
    ]);
  });

  it.each<[string, string, [string, string], string[]]>([
    [
      'in Berlin',
      BERLIN,
      ['30 2 * * *', '2026-10-24T12:00:00Z'],
      ['2026-10-25 02:30:00 +02:00', '2026-10-26 02:30:00 +01:00'],
    ],
    [
      'in New York',
      NEW_YORK,
      ['30 1 * * *', '2026-10-31T12:00:00Z'],
      ['2026-11-01 01:30:00 -04:00', '2026-11-02 01:30:00 -05:00'],
    ],
    [
      'on Lord Howe Island',
      LORD_HOWE,
      ['45 1 * * *', '2026-04-04T00:00:00Z'],
      ['2026-04-05 01:45:00 +11:00', '2026-04-06 01:45:00 +10:30'],
    ],
  ])('a slot that the clocks show twice comes the first time, %s', (_, zone, [cron, after], expected) => {
    expect(told(cron, zone, after, 2)).toEqual(expected);
  });

  it('the second showing of an hour, once begun, brings none of its slots again', () => {
    expect(told('*/15 2 * * *', BERLIN, '2026-10-25T01:10:00Z', 1)).toEqual(['2026-10-26 02:00:00 +01:00']);
  });

  it.each([BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, CAIRO, 'UTC'])(
    'there is one slot on each day of a year in %s',
    (zone) => {
      const days = told('30 2 * * *', zone, '2026-01-01T12:00:00Z', 365).map((text) => text.slice(0, 10));
      expect(new Set(days).size).toBe(365);
    },
  );
});

describe('every hour', () => {
  it.each([
    ['forward in Berlin', BERLIN, '2026-03-28T23:30:00Z', ['01:00:00 +01:00', '03:00:00 +02:00', '04:00:00 +02:00']],
    ['back in Berlin', BERLIN, '2026-10-24T23:30:00Z', ['02:00:00 +02:00', '02:00:00 +01:00', '03:00:00 +01:00']],
    [
      'forward in New York',
      NEW_YORK,
      '2026-03-08T05:30:00Z',
      ['01:00:00 -05:00', '03:00:00 -04:00', '04:00:00 -04:00'],
    ],
    ['back in New York', NEW_YORK, '2026-11-01T04:30:00Z', ['01:00:00 -04:00', '01:00:00 -05:00', '02:00:00 -05:00']],
    [
      'forward on Lord Howe Island',
      LORD_HOWE,
      '2026-10-03T14:00:00Z',
      ['01:00:00 +10:30', '03:00:00 +11:00', '04:00:00 +11:00'],
    ],
    [
      'back on Lord Howe Island',
      LORD_HOWE,
      '2026-04-04T13:30:00Z',
      ['01:00:00 +11:00', '02:00:00 +10:30', '03:00:00 +10:30'],
    ],
    ['never in India', KOLKATA, '2026-03-28T23:35:00Z', ['06:00:00 +05:30', '07:00:00 +05:30', '08:00:00 +05:30']],
  ])('means each hour that passes when clocks are set: %s', (_, zone, after, expected) => {
    expect(told('0 * * * *', zone, after, 3).map((text) => text.slice(11))).toEqual(expected);
  });

  it.each([
    ['forward in Berlin', BERLIN, '2026-03-29T00:40:00Z', ['01:45:00 +01:00', '03:00:00 +02:00', '03:15:00 +02:00']],
    ['back in Berlin', BERLIN, '2026-10-25T00:40:00Z', ['02:45:00 +02:00', '02:00:00 +01:00', '02:15:00 +01:00']],
    [
      'forward on Lord Howe Island',
      LORD_HOWE,
      '2026-10-03T15:10:00Z',
      ['01:45:00 +10:30', '02:30:00 +11:00', '02:45:00 +11:00'],
    ],
    [
      'back on Lord Howe Island',
      LORD_HOWE,
      '2026-04-04T14:40:00Z',
      ['01:45:00 +11:00', '01:30:00 +10:30', '01:45:00 +10:30'],
    ],
  ])('every 15 minutes goes on every 15 minutes: %s', (_, zone, after, expected) => {
    const slots = slotsAfter('*/15 * * * *', zone, after, 3);
    expect(slots.map((at) => toLocalText(zone, at).slice(11))).toEqual(expected);
    expect((slots[2]?.getTime() ?? 0) - (slots[0]?.getTime() ?? 0)).toBe(30 * 60_000);
  });

  it.each([
    ['spring', '2026-03-20T00:00:00Z'],
    ['autumn', '2026-10-15T00:00:00Z'],
  ])('there are as many slots in %s as hours', (_, after) => {
    const slots = slotsAfter('30 * * * *', BERLIN, after, 400);
    expect(slots.at(-1)?.getTime()).toBe((slots[0]?.getTime() ?? 0) + 399 * 3_600_000);
  });

  it.each(['0 */1 * * *', '0 0-23 * * *', '0 0 * * * *', '@hourly'])('is what `%s` says too', (cron) => {
    expect(told(cron, BERLIN, '2026-10-25T00:30:00Z', 1)).toEqual(['2026-10-25 02:00:00 +01:00']);
  });

  it('is not what `0 */2 * * *` says: it names times of the day', () => {
    expect(told('0 */2 * * *', BERLIN, '2026-10-24T22:30:00Z', 2)).toEqual([
      '2026-10-25 02:00:00 +02:00',
      '2026-10-25 04:00:00 +01:00',
    ]);
  });
});

describe('the configuration of a schedule', () => {
  const parse = (fields: object) => ScheduleConfig.safeParse({ dataset: 'shop', cron: '0 2 * * *', ...fields });

  it('becomes the rules that decisions are made by', () => {
    const blackout = [
      { from: '22:00', to: '06:30', days: ['fri'] },
      { from: '08:00', to: '10:00', zone: NEW_YORK },
    ];
    const config = ScheduleConfig.parse({ dataset: 'shop', cron: '0 2 * * *', zone: BERLIN, jitter: '10m', blackout });
    expect(toScheduleRules('nightly', config)).toEqual({
      name: 'nightly',
      jitterMs: 600_000,
      missed: 'run-once',
      blackout: [
        { zone: BERLIN, fromMs: 79_200_000, toMs: 23_400_000, days: ['fri'] },
        { zone: NEW_YORK, fromMs: 28_800_000, toMs: 36_000_000, days: undefined },
      ],
      inBlackout: 'postpone',
      overlap: 'skip',
    });
  });

  it.each([
    [{ cron: 'every night' }, ['cron']],
    [{ zone: 'Europe/Atlantis' }, ['zone']],
    [{ jitter: 'a little' }, ['jitter']],
    [{ blackout: [{ from: '8:00', to: '10:00' }] }, ['blackout', 0, 'from']],
    [{ blackout: [{ from: '08:00', to: '10:00', zone: 'Mars/Olympus' }] }, ['blackout', 0, 'zone']],
  ])('is refused at the field that is wrong: %j', (fields, path) => {
    expect(parse(fields).error?.issues.map((issue) => issue.path)).toEqual([path]);
  });
});
