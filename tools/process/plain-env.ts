/** Our own PG*, KAFKA_* or MEILI_* variables must not change a server or program that others use too. */
export function plainEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' };
}
