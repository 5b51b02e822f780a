import { describe, expect, it } from '@jest/globals';
import { fillReferences, findReferences } from './step-reference.js';

describe('the references in a value', () => {
  it('are found at any depth, and shell variables and secrets are none of them', () => {
    const found = findReferences({
      command: ['sh', '-c', 'echo ${HOME} ${steps.restore-db.destination}'],
      env: { TOKEN: '${env:TOKEN}', KEY: 'run ${run.id}' },
      count: 3,
    });
    expect(found.unreadable).toEqual([]);
    expect(found.references).toEqual([
      { text: '${steps.restore-db.destination}', step: 'restore-db', output: 'destination' },
      { text: '${run.id}', run: 'id' },
    ]);
  });

  it.each(['${steps.restore}', '${steps.}', '${steps.a.b.c}', '${run.name}', '${steps.a.b', '${steps.A.b}'])(
    'say of %s that it is none',
    (text) => {
      expect(findReferences([text])).toEqual({ references: [], unreadable: [text] });
    },
  );

  it('are replaced where the value is known, and stay where it is not', () => {
    const known = (reference: object) => ('run' in reference ? 'r1' : undefined);
    expect(fillReferences({ a: ['${run.id}/${steps.x.y}', 1, null] }, known)).toEqual({
      a: ['r1/${steps.x.y}', 1, null],
    });
  });

  it('put nothing in that is read again: an output that looks like a reference stays text', () => {
    expect(fillReferences('${steps.a.b}', () => '${run.id}')).toBe('${run.id}');
  });
});
