const REFERENCE = /\$\{(?:env|file):[^}]+\}/;

/**
 * References of a document, as it was written, that would put a secret into the arguments of a program, which every user of the machine
 * sees: a line for each. Afterwards a secret looks like any other text.
 */
export function findVisibleSecrets(document: unknown): string[] {
  const plans = Object.entries(membersOf(membersOf(document)['plans']));
  return plans.flatMap(([plan, body]) =>
    itemsOf(membersOf(body)['steps']).flatMap((step, index) =>
      itemsOf(membersOf(step)['command']).flatMap((argument, place) =>
        typeof argument === 'string' && REFERENCE.test(argument)
          ? [
              `plans.${plan}.steps.${index}.command.${place}: every user of the machine sees the arguments of a program: put ${argument} into \`env\``,
            ]
          : [],
      ),
    ),
  );
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
