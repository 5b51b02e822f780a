import type { Installation } from '#common/service/installation.js';
import { type IntakeTable, runEntry } from '#common/service/intake-table.js';
import { replayIntake } from './replay-requested.js';
import { verificationIntake } from './verification-requested.js';

export const verifierIntake = (installation: Installation): IntakeTable => [
  runEntry(verificationIntake(installation)),
  runEntry(replayIntake(installation)),
];
