import { Exit, type ExitCode } from './exit.js';

export interface CodeSpec {
  /** A later attempt at the same work may succeed without anybody changing anything. */
  readonly retryable: boolean;
  readonly exit: ExitCode;
  /** A full sentence: the operator's next step. */
  readonly hint: string;
}

/** The one table of error codes: whether to retry, how a process exits, what the operator does next. */
export const Codes = {
  'bus.dead-letter': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Read the reason and the original bytes on the dead-letter topic, correct the producer and publish again.',
  },
  'bus.topic-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Create the named topics, or allow Holdfast to create them (`bus.createTopics`), then run `holdfast check`.',
  },
  'bus.unavailable': {
    retryable: true,
    exit: Exit.unreachable,
    hint: 'Check that the brokers under `bus.brokers` answer, then run `holdfast check`.',
  },
  'catalog.unavailable': {
    retryable: true,
    exit: Exit.unreachable,
    hint: 'Check the PostgreSQL server under `catalog.url`; with the catalog lost, add `--local`.',
  },
  'claim.lost': { retryable: false, exit: Exit.failed, hint: 'Another worker owns the run now; nothing to do.' },
  'config.invalid': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Correct the named paths in the configuration, then run `holdfast check`.',
  },
  'engine.exit': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Read `stderrTail`, then run `holdfast check --dataset <name>`.',
  },
  'engine.spawn': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Install the named program on the executor, or correct its path, then run `holdfast check`.',
  },
  'replay.group-active': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Stop every consumer of the named group, wait until it has no members, then ask for the replay again.',
  },
  'replay.group-required': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Name the consumer group that the replay is for with `groups`.',
  },
  'replay.not-allowed': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Allow the mode, group or destination under the topic in `holdfast.yaml`, or ask for one that is allowed.',
  },
  'replay.offsets-not-moved': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Somebody else committed offsets for the group; stop its consumers and ask for the replay again.',
  },
  'replay.position-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'The backup has no position on the bus; ask with `offsets`, or with `since` and `topics`.',
  },
  'replay.readers-not-accepted': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Other groups read the destination and would see every event again; name them in `acceptReaders`, or use `reset`.',
  },
  'replay.topic-changed': {
    retryable: false,
    exit: Exit.refused,
    hint: 'The topic is not the one that the backup saw, so its offsets mean other records; restore the topic, or ask with `offsets`.',
  },
  'request.invalid': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Correct the named fields and ask again; `docs/reference/events` has every schema.',
  },
  'request.expired': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Publish a new request; restore, replay and recovery requests are valid for one hour unless they say less.',
  },
  'request.refused': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Ask for something that the configuration allows, or let an operator widen it in `holdfast.yaml`.',
  },
  'run.cancelled': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The run was cancelled on request; ask again when wanted.',
  },
  'run.exhausted': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Every attempt ended without a result; read `holdfast runs show <id>` and the executor logs.',
  },
  'internal.bug': {
    retryable: false,
    exit: Exit.failed,
    hint: 'This is a defect in Holdfast; report it with the log lines around it.',
  },
} as const satisfies Record<string, CodeSpec>;

export type Code = keyof typeof Codes;
