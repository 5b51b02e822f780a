import type { KeyObject } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import type { RunReport } from '#common/operations/plans/report/report.js';
import { toReportHtml } from '#common/operations/plans/report/report-html.js';
import { signBytes } from '#common/sealing/signature.js';

/**
 * Writes a report as report.html and report.json, and with a key a signature of each beside it: 64 raw bytes of Ed25519 over the file as it
 * is, which `openssl pkeyutl -verify -rawin` checks with the public key. Returns the names of the files.
 * Throws: request.invalid where they cannot be written.
 */
export async function writeReport(report: RunReport, directory: string, key: KeyObject | undefined): Promise<string[]> {
  const files = { 'report.html': toReportHtml(report), 'report.json': `${JSON.stringify(report, null, 2)}\n` };
  const bytes = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const);
  const signatures = bytes.map(([name, content]) => [`${name}.sig`, key && signBytes(content, key)] as const);
  const all = [...bytes, ...signatures].flatMap(([name, content]) =>
    content === undefined ? [] : [{ name, content }],
  );
  try {
    await mkdir(directory, { recursive: true });
    for (const { name, content } of all) await writeFile(join(directory, name), content);
  } catch (error) {
    const why = toText((error as NodeJS.ErrnoException).code ?? error);
    throw new AppError('request.invalid', `--to: cannot write to ${directory}: ${why}`, {}, { cause: error });
  }
  return all.map(({ name }) => join(directory, name));
}
