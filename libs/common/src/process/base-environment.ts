import { homedir, tmpdir } from 'node:os';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What every child gets: enough to find programs and to print in one language, never the parent's secrets or its PG* variables.
 * Messages stay in English because the restore classifies them; the encoding is UTF-8 because names may hold anything.
 */
export function toChildEnvironment(added: Readonly<Record<string, string>> = {}): Record<string, string> {
  // biome-ignore lint/style/noProcessEnv: no setting of Holdfast's: the operator's PATH is where the operator's tools are.
  const path = process.env['PATH'] ?? DEFAULT_PATH;
  return { PATH: path, HOME: homedir(), TMPDIR: tmpdir(), LANG: 'C.UTF-8', LC_MESSAGES: 'C', TZ: 'UTC', ...added };
}
