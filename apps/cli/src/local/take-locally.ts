import type { Manifest } from '#common/contracts/manifest.js';
import { takeBackup } from '#common/operations/take-backup.js';
import { holdfastVersion } from '#common/service/version.js';
import type { VerbContext } from '../verb.js';
import { newLocalId, newNonce } from './local-identity.js';

export interface LocalBackup {
  readonly name: string;
  readonly method: string;
  readonly onStage?: (stage: string) => void;
}

export interface TakenLocally {
  readonly manifest: Manifest;
  readonly warnings: readonly string[];
}

/** Takes one backup in this process, with neither bus nor catalog: no position on the bus is part of it. Throws: as takeBackup. */
export async function takeLocally(
  { name, method, onStage }: LocalBackup,
  { installation, output, signal }: Pick<VerbContext, 'installation' | 'output' | 'signal'>,
): Promise<TakenLocally> {
  const startedAt = performance.now();
  const warnings: string[] = [];
  const identity = { backupId: newLocalId(), runId: newLocalId(), attempt: 1, nonce: newNonce() };
  const manifest = await takeBackup(
    { dataset: installation.dataset(name), ...identity, purpose: 'regular', method },
    {
      engine: installation.engineOf(name),
      repository: installation.primaryRepository(name),
      clock: () => new Date(),
      holdfastVersion,
      workDirectory: installation.config.executor.workDirectory,
      onWarnings: (told) => warnings.push(...told),
      onProgress: (progress) => {
        onStage?.(progress.stage);
        output.progress(`backup ${name}`, progress, performance.now() - startedAt);
      },
    },
    signal,
  );
  return { manifest, warnings };
}
