import type { RestorePlan } from '#common/engines/postgres/restore/restore-plan.js';
import { previewRestore, type RestoreQuestion } from '#common/engines/postgres/restore/restore-preview.js';

/** Looks at the target and says what a restore would do there, and why it would be refused. Changes nothing. Throws: postgres.*. */
export const planRestore = (question: RestoreQuestion, signal: AbortSignal): Promise<RestorePlan> =>
  previewRestore(question, signal);
