import type { Installation } from '#common/service/installation.js';
import { type IntakeTable, runEntry } from '#common/service/intake-table.js';
import { cancelEntry } from '#common/service/take-cancel.js';
import { backupIntake } from './backup-requested.js';
import { restoreIntake } from './restore-requested.js';

export const executorIntake = (installation: Installation): IntakeTable => [
  runEntry(backupIntake(installation)),
  runEntry(restoreIntake(installation)),
  cancelEntry,
];
