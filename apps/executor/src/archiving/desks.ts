import type { Archiver } from '#common/engines/archiver.js';
import type { ProtectedDataset } from '#common/engines/engine.js';
import type { DeskPlace, LocalDesk } from '#common/engines/local-desk.js';
import { Sealing } from '#common/sealing/sealing.js';
import type { Background } from '#common/service/background/background.js';
import type { Service } from '#common/service/open-service.js';
import { answerFiles } from './answer-files.js';
import { type LocalSocketOptions, startLocalSocket } from './local-socket.js';

export type DesksDeps = Pick<Service, 'installation' | 'logger'>;

/** What the programs beside sources on this machine ask for, where the configuration names a socket for them. */
export function startDesks({ installation, logger }: DesksDeps): Background {
  const path = installation.config.executor.walSocket;
  if (path === undefined) return { stop: () => Promise.resolve() };
  return serveDesks(openDesks(installation), { path, logger });
}

/** Answers for the desks at a socket; what is being answered ends with it. */
export function serveDesks(
  desks: Readonly<Record<string, LocalDesk>>,
  o: Omit<LocalSocketOptions, 'answer'>,
): Background {
  const stopping = new AbortController();
  const answer = answerFiles({ desks, stopping: stopping.signal, logger: o.logger });
  const socket = startLocalSocket({ ...o, answer });
  return {
    stop: async () => {
      stopping.abort(new Error('the executor is shutting down'));
      await socket.stop();
    },
  };
}

/** One for each archiver that has any, over all datasets that ask for it. */
function openDesks(installation: DesksDeps['installation']): Record<string, LocalDesk> {
  const places = new Map<Archiver<ProtectedDataset>, DeskPlace<ProtectedDataset>[]>();
  for (const name of Object.keys(installation.config.datasets)) {
    const dataset = installation.dataset(name);
    for (const archiver of installation.engineOf(name).archivers ?? []) {
      if (archiver.openDesk === undefined || !archiver.isWanted(dataset)) continue;
      const repository = installation.primaryRepository(name);
      const sealing = new Sealing({ compression: dataset.compression, recipients: repository.encryption.recipients });
      places.set(archiver, [...(places.get(archiver) ?? []), { dataset, repository, sealing }]);
    }
  }
  return Object.fromEntries(
    [...places].flatMap(([archiver, own]) => {
      const desk = archiver.openDesk?.(own);
      return desk === undefined ? [] : [[archiver.name, desk]];
    }),
  );
}
