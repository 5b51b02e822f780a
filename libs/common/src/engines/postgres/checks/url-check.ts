import { type Check, CheckWarning } from '#common/engines/check.js';
import type { PgConnection } from '#common/pg/connection.js';

/** Parameters that other tools put into a url have no effect here, which their author may not have meant. */
export function urlCheck(subject: string, { ignored }: PgConnection): Check[] {
  if (ignored.length === 0) return [];
  const run = async (): Promise<string> => {
    throw new CheckWarning(`Holdfast ignores ${ignored.join(', ')}, which other tools read from it`);
  };
  return [{ name: `${subject}: url`, run }];
}
