import { describe, expect, it } from '@jest/globals';
import { PlanConfig } from './plan.config.js';

const restore = { name: 'restore', use: 'restore', dataset: 'shop', target: 'production' };
const program = { name: 'migrate', use: 'exec', command: ['migrate'], repeatable: true };

const problemsOf = (...steps: object[]): string[] => {
  const parsed = PlanConfig.safeParse({ steps });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

describe('a plan', () => {
  it('may use what steps before it brought about', () => {
    const env = { DATABASE: '${steps.restore.destination}', RUN: '${run.id}' };
    expect(problemsOf(restore, { ...program, env })).toEqual([]);
  });

  it.each([
    [
      'a kind of step that there is not',
      [{ name: 'x', use: 'pray' }],
      'there is no kind of step "pray"; there is: exec, restore',
    ],
    ['a step without a kind', [{ name: 'x' }], 'there is no kind of step null'],
    ['a field that no step has', [{ ...program, shell: true }], 'shell'],
    ['two steps of one name', [restore, restore], 'step 1 has the name "restore" already'],
    [
      'an input from a step that comes later',
      [{ ...program, env: { X: '${steps.restore.destination}' } }, restore],
      'step "restore" comes later',
    ],
    [
      'two steps that wait for each other',
      [
        { ...program, name: 'a', env: { X: '${steps.b.stdout}' }, keepOutput: true },
        { ...program, name: 'b', env: { X: '${steps.a.stdout}' }, keepOutput: true },
      ],
      'step "b" comes later',
    ],
    [
      'its own output as an input',
      [{ ...program, keepOutput: true, env: { X: '${steps.migrate.stdout}' } }],
      'its own output',
    ],
    [
      'an input from a step that is not there',
      [{ ...program, env: { X: '${steps.gone.y}' } }],
      'no step "gone" in this plan',
    ],
    [
      'an output that a step does not have',
      [restore, { ...program, env: { X: '${steps.restore.size}' } }],
      'no output "size"; it has: dataset, backupId',
    ],
    [
      'what wants to be a reference',
      [{ ...program, env: { X: '${steps.restore}' } }],
      '${steps.restore} is no reference',
    ],
    [
      'in an argument what may be a secret',
      [
        { ...program, name: 'a', keepOutput: true },
        { ...program, command: ['x', '${steps.a.stdout}'] },
      ],
      'every user of the machine sees the arguments',
    ],
    ['a program without saying whether it may run again', [{ ...program, repeatable: undefined }], 'repeatable'],
    [
      'retries of what may not be repeated',
      [{ ...program, repeatable: false, retries: { times: 2 } }],
      'may not be repeated',
    ],
    [
      'always what may not be repeated',
      [{ ...program, repeatable: false, always: true }],
      'runs again when the plan is resumed',
    ],
    ['a step behind one that always runs', [{ ...program, always: true }, restore], 'those stand last'],
    ['a wait for nothing', [{ name: 'w', use: 'wait' }], 'exactly one of http, tcp, forMs'],
    [
      'a wait for two things',
      [{ name: 'w', use: 'wait', forMs: 5, tcp: 'db:5432' }],
      'exactly one of http, tcp, forMs',
    ],
    ['a replay from nowhere', [{ name: 'r', use: 'replay', dataset: 'shop' }], 'exactly one of backup, since'],
    ['credentials in an address', [{ name: 'h', use: 'http', url: 'http://a:b@host/' }], 'without credentials'],
    ['no step at all', [], 'steps'],
  ])('is refused with %s', (_, steps, message) => {
    expect(problemsOf(...steps).join('; ')).toContain(message);
  });
});
