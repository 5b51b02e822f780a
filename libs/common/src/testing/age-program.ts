import { findCommand } from '#tools/process/find-command.js';

/** False where the distribution has no `age`: specs that need the program say that they were skipped. */
export const isAgeInstalled = (await findCommand('age')) !== undefined;
