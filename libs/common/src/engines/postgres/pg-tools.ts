import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { AppError } from '#common/errors/app-error.js';
import { toChildEnvironment } from '#common/process/base-environment.js';
import { runCommand } from '#common/process/run-command.js';

export type PgToolName =
  | 'pg_dump'
  | 'pg_dumpall'
  | 'pg_restore'
  | 'psql'
  | 'pg_amcheck'
  | 'pg_combinebackup'
  | 'pg_ctl'
  | 'pg_verifybackup'
  | 'pg_waldump'
  | 'postgres';

/** Client tools of one installation. */
export interface PgToolset {
  readonly directory: string;
  readonly major: number;
  path(name: PgToolName): string;
  /** Program → version as it prints itself: `pg_dump (PostgreSQL) 18.6`. For those that were asked for. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface FindToolsOptions {
  /** Searched before the well-known places and PATH. */
  readonly directories: readonly string[];
  readonly signal: AbortSignal;
}

interface Tool {
  readonly major: number;
  readonly version: string;
}

/** Where PostgreSQL's packages put the tools of each major version, and PATH. */
async function systemToolDirectories(): Promise<string[]> {
  const versioned = (await readdir('/usr/lib/postgresql').catch(() => [])).map((v) => `/usr/lib/postgresql/${v}/bin`);
  const rpm = (await readdir('/usr').catch(() => [])).filter((name) => /^pgsql-\d+$/.test(name));
  const path = (toChildEnvironment()['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...versioned.sort(), ...rpm.sort().map((name) => `/usr/${name}/bin`), ...path];
}

/** Finds client tools for a server's major version. Versions are asked for once per file; keep one instance. */
export class PgTools {
  private readonly known = new Map<string, Tool | undefined>();

  constructor(private readonly systemDirectories: () => Promise<readonly string[]> = systemToolDirectories) {}

  /**
   * The installation with every named tool of the server's own major version, else the lowest newer one: `pg_dump` refuses
   * a server that is newer than itself. The first directory wins among equals.
   * Throws: postgres.tool-missing, postgres.tool-too-old.
   */
  async find(serverMajor: number, names: readonly PgToolName[], o: FindToolsOptions): Promise<PgToolset> {
    const directories = new Set([...o.directories, ...(await this.systemDirectories())]);
    const found: PgToolset[] = [];
    for (const directory of directories) {
      const toolset = await this.inspect(directory, names, o.signal);
      if (toolset?.major === serverMajor) return toolset;
      if (toolset) found.push(toolset);
    }
    const newer = found.filter(({ major }) => major > serverMajor).sort((a, b) => a.major - b.major)[0];
    if (newer) return newer;
    throw toSearchError(serverMajor, names, found);
  }

  private async inspect(
    directory: string,
    names: readonly PgToolName[],
    signal: AbortSignal,
  ): Promise<PgToolset | undefined> {
    const versions: Record<string, string> = {};
    const majors: number[] = [];
    for (const name of names) {
      const tool = await this.ask(join(directory, name), signal);
      if (tool === undefined) return undefined;
      versions[name] = tool.version;
      majors.push(tool.major);
    }
    return { directory, versions, major: Math.min(...majors), path: (name) => join(directory, name) };
  }

  private async ask(path: string, signal: AbortSignal): Promise<Tool | undefined> {
    const program = await findProgram(path);
    if (program === undefined) return undefined;
    if (!this.known.has(program.key)) this.known.set(program.key, await askVersion(path, signal));
    return this.known.get(program.key);
  }
}

async function findProgram(path: string): Promise<{ key: string } | undefined> {
  try {
    await access(path, constants.X_OK);
    const real = await realpath(path);
    // Debian's launcher: its version depends on configured clusters, and what it would start is found by itself.
    if (basename(real) === 'pg_wrapper') return undefined;
    return { key: `${real}@${(await stat(real)).mtimeMs}` };
  } catch {
    return undefined;
  }
}

/** Undefined for what is no PostgreSQL tool or does not run here: another directory may have a good one. */
async function askVersion(path: string, signal: AbortSignal): Promise<Tool | undefined> {
  try {
    const { stdout } = await runCommand({ program: path, args: ['--version'] }, { signal });
    return parseToolVersion(stdout);
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

/** `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `19beta1`. */
export function parseToolVersion(text: string): Tool | undefined {
  const version = text.trim();
  const major = /^\w+ \(PostgreSQL\) (\d+)/.exec(version)?.[1];
  return major === undefined ? undefined : { major: Number(major), version };
}

/** What a server package has and a client package lacks. */
const SERVER_PROGRAMS: readonly PgToolName[] = ['pg_ctl', 'pg_waldump', 'postgres'];

/** For one directory with all of these programs. */
export function toInstallHint(major: number, names: readonly PgToolName[]): string {
  const isServer = names.some((name) => SERVER_PROGRAMS.includes(name));
  const [what, debian] = isServer ? ['server programs', 'postgresql'] : ['client tools', 'postgresql-client'];
  return (
    `Install the ${what} of PostgreSQL ${major} (Debian: \`apt-get install ${debian}-${major}\`), ` +
    'or name the directory that holds them in `toolDirectories`.'
  );
}

function toSearchError(serverMajor: number, names: readonly PgToolName[], older: readonly PgToolset[]): AppError {
  const tools = names.join(', ');
  const hint = toInstallHint(serverMajor, names);
  if (older.length === 0) {
    const message = `no ${tools} for PostgreSQL ${serverMajor} on this machine`;
    return new AppError('postgres.tool-missing', message, { serverMajor, tools: names }, { hint });
  }
  const best = older.reduce((a, b) => (b.major > a.major ? b : a));
  return new AppError(
    'postgres.tool-too-old',
    `${tools} of PostgreSQL ${best.major} on this machine, and version ${serverMajor} or newer is needed`,
    { serverMajor, found: older.map(({ directory, major }) => ({ directory, major })) },
    { hint },
  );
}
