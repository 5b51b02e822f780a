import { z } from 'zod';
import { isPlainText } from '#common/contracts/names.js';

/** PostgreSQL cuts names at 63 bytes in silence: a longer one would pass the checks as another than it becomes. */
export const DatabaseName = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= 63, 'a database name has at most 63 bytes')
  .refine(isPlainText, 'a database name holds no control characters');
