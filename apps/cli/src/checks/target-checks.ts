import type { Check } from '#common/engines/check.js';
import type { VerbContext } from '../verb.js';

/** What the kind of a target asks of it. */
export const targetChecks = (name: string, { installation, signal }: VerbContext): readonly Check[] =>
  installation.targetKind(name).checks.target(installation.target(name), signal, {
    strategies: installation.targetRules(name).strategies,
  });
