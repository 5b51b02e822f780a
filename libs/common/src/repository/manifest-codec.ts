import { z } from 'zod';
import { Manifest } from '#common/contracts/manifest.js';
import { AppError } from '#common/errors/app-error.js';
import { toIssueText } from '#common/errors/issue-text.js';

const AnyVersion = z.object({ formatVersion: z.int().min(1) });

/** Indented JSON with a stable order of fields: for people first. Throws: internal.bug for a manifest that no reader would take. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const checked = Manifest.safeParse(manifest);
  if (!checked.success) throw new AppError('internal.bug', `manifest is not valid: ${toProblems(checked.error)}`);
  return Buffer.from(`${JSON.stringify(checked.data, null, 2)}\n`, 'utf8');
}

/** Unknown fields are ignored. Throws: backup.corrupt, repository.format for a version that this program does not know. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const json = parseJson(bytes);
  const version = AnyVersion.safeParse(json);
  if (version.success && version.data.formatVersion > 1) {
    throw new AppError('repository.format', `manifest has format version ${version.data.formatVersion}, known is 1`);
  }
  const manifest = Manifest.safeParse(json);
  if (!manifest.success) throw new AppError('backup.corrupt', `manifest is not valid: ${toProblems(manifest.error)}`);
  return manifest.data;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError('backup.corrupt', 'manifest is not JSON', {}, { cause });
  }
}

const toProblems = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, 5)
    .map((issue) => toIssueText(issue, 'manifest'))
    .join('; ');
