import { Exit, type ExitCode } from './exit.js';

export interface CodeSpec {
  /** A later attempt at the same work may succeed without a change by an operator. */
  readonly retryable: boolean;
  /** The cause is elsewhere and ends by itself: a run waits for that, however many attempts find it still there. */
  readonly passes?: true;
  readonly exit: ExitCode;
  /** A full sentence: the operator's next step. */
  readonly hint: string;
}

/** The one table of error codes: whether to retry, how a process exits, what the operator does next. */
export const Codes = {
  'api.unauthorised': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Put the token of the running scheduler under `api.token`.',
  },
  'api.unreachable': {
    retryable: true,
    exit: Exit.unreachable,
    hint: 'Start the scheduler, or correct `api.url`; with everything down, add `--local`.',
  },
  'backup.corrupt': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The stored bytes are not what the manifest says; restore another backup and run `holdfast backup list`.',
  },
  'backup.damaged': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Choose another with `holdfast backup list`, and take a new one; `holdfast backup check` reads every object of this one again.',
  },
  'backup.expiring': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Retention is deleting this backup and it is too late to hold it; restore it at once if it is still whole, or choose another with `holdfast backup list`.',
  },
  'backup.missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Run `holdfast backup list` to see the backups that exist.',
  },
  'backup.needed': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Run `holdfast backup delete <id>` without --yes to see what holds or needs it; `holdfast hold list` and `holdfast runs list` say more.',
  },
  'backup.unknown-kind': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Another version of Holdfast made the backup; use one that knows this kind of dataset.',
  },
  'bucket.changed': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Objects are replaced faster than they can be read, or another program writes to the destination; try again when it is quieter.',
  },
  'bucket.denied': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct `accessKeyId` and `secretAccessKey`, or grant what the message names; docs/how-to/back-up-a-bucket.md lists the rights.',
  },
  'bucket.empty': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Look whether the bucket and the prefix of the dataset are the right ones; where all was removed on purpose, set `mayBeEmpty: true`.',
  },
  'bucket.full': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Make room on the server or raise the quota of the bucket, then restore again.',
  },
  'bucket.key': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The server has no objects of these names; restore to one that has, or bring back single objects by hand as docs/how-to/back-up-a-bucket.md shows.',
  },
  'bucket.missing': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Create the bucket, or correct `url` and `endpoint`, then run `holdfast check`.',
  },
  'bucket.not-empty': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name an empty prefix, or ask for strategy `sync`, which leaves other objects, or `mirror`, which removes them; `holdfast restore plan` shows which.',
  },
  'bucket.protocol': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The server answers otherwise than S3; correct `endpoint`, then run `holdfast check`.',
  },
  'bucket.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the server under `endpoint` answers, then run `holdfast check`.',
  },
  'bus.damaged': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The log of the broker holds a record batch that cannot be read: look at it with `kafka-dump-log.sh --deep-iteration` on another replica, and delete the records up to it if no replica has it whole.',
  },
  'bus.refused': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read in the message what the broker refused; raise `max.message.bytes` of the topic when a record is too large, or correct its ACLs.',
  },
  'bus.topic-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Create the named topics on the brokers that Holdfast uses for them, or correct their names in the configuration (Holdfast creates its own where `bus.createTopics` is on), then run `holdfast check`.',
  },
  'bus.unavailable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the brokers answer (those under `bus.brokers`, or under `brokers` of the Kafka dataset or target in question), then run `holdfast check`.',
  },
  'catalog.drift': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Restore the named migration as it was applied, and put the change into a new numbered file.',
  },
  'catalog.unavailable': {
    retryable: true,
    passes: true,
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
  'engine.output': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Run the named program by hand, and install another version of it if it writes the same; `holdfast check` lists versions.',
  },
  'engine.spawn': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Install the named program on the executor, or correct its path, then run `holdfast check`.',
  },
  'internal.bug': {
    retryable: false,
    exit: Exit.failed,
    hint: 'This is a defect in Holdfast; report it with the log lines around it.',
  },
  'kafka.destination-changed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Stop every producer of the named topic, also mirrors and connectors; delete the topic if the restore had made it (where it was there before, restore under a prefix instead); then ask for the restore again.',
  },
  'kafka.group-active': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Stop every consumer of the named group, wait until it has no members, then ask for the restore again; or restore under a prefix.',
  },
  'kafka.no-parent': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Take a full backup by method `topics`, on which the next incremental ones build.',
  },
  'kafka.topic-exists': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Restore under a prefix, delete the topic, or restore with --strategy append where its target accepts that.',
  },
  'kafka.topic-unfit': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Give the topic as many partitions as the backup has, or delete it: the restore then makes it.',
  },
  'meilisearch.changing': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'What was read was written to meanwhile; back it up when its writers are quieter, or stop them for the time of a backup.',
  },
  'meilisearch.denied': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct `apiKey`, or give the key the right to what the message names; docs/how-to/back-up-meilisearch.md lists them.',
  },
  'meilisearch.directory': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name the directory of the server in `dumpDirectory`, `snapshotDirectory` or, of a target, `directory`, and give the user of Holdfast the right to it; docs/how-to/back-up-meilisearch.md shows it.',
  },
  'meilisearch.index-exists': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Restore under a prefix, or with --strategy replace where its target accepts that.',
  },
  'meilisearch.index-missing': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct `include` of the dataset, or create the index, then run `holdfast check`.',
  },
  'meilisearch.refused': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct what the server names; where it does not know a setting, restore to a server of the version that the plan shows.',
  },
  'meilisearch.secrets': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Give the repository `encryption.recipients`, as docs/how-to/encrypt-backups.md shows, or take method documents, which leaves secrets out.',
  },
  'meilisearch.task-failed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct what the server gives as the reason, then ask again; nothing was put in its place.',
  },
  'meilisearch.unequal': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The server did not keep what it was sent, and nothing was put in its place; restore to a server of the version that `holdfast restore plan` shows.',
  },
  'meilisearch.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that Meilisearch answers under `url`, then run `holdfast check`.',
  },
  'meilisearch.version': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Upgrade the server, or name another target.',
  },
  'mirror.behind': {
    retryable: true,
    exit: Exit.failed,
    hint: 'The replica lacks these objects, and the next round tries them again; `holdfast check --dataset <name>` shows what stands in the way.',
  },
  'mirror.index': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Remove the object that the message names from the replica: the mirror compares source and replica anew, and copies what it cannot recognise.',
  },
  'mirror.shrunk': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Look whether the source is the right one and whole: the mirror removes nothing meanwhile; where most of it was removed on purpose, set `mayBeEmpty: true` until the replica has followed.',
  },
  'plan.approval-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Look at what the message names, then resume the run at a terminal, or with `--approve STEP`.',
  },
  'plan.busy': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Let the other process end, or stop it; then resume the run.',
  },
  'plan.changed': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Give the plan back the step that the journal names, under its name and of its kind, or begin a new run with `holdfast recovery run`.',
  },
  'plan.http': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Look into the log of the application that was asked, then resume the run.',
  },
  'plan.journal': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Name a directory that you may write with `--state` or `recovery.directory`; where a journal is damaged, read it, and begin a new run.',
  },
  'plan.not-repeatable': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Look what the step did, then resume with `--repeat STEP` or `--skip STEP`.',
  },
  'plan.program': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read what the program wrote, in the lines above; mend it, then resume the run.',
  },
  'plan.run-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Run `holdfast recovery list` to see the plans and their runs; `--state` names another directory of journals.',
  },
  'plan.timeout': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Look why it takes so long, raise `timeoutMs` of the step where it may, then resume the run.',
  },
  'plan.unproven': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read what the probes found with `holdfast recovery report`; mend it, or restore another backup.',
  },
  'point.member-failed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read why the backup failed with `holdfast runs show`, mend it, and take the point again; backups of other members stay.',
  },
  'point.missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Run `holdfast recovery-points list` to see the points that were taken.',
  },
  'point.unreachable': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Run `holdfast recovery-points show <point>` to see what is possible.',
  },
  'postgres.archiving': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Set `archive_mode = on` and `archive_command` as docs/how-to/point-in-time-recovery.md shows, then run `holdfast check`.',
  },
  'postgres.auth': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct the user and password in the url, or the rule in pg_hba.conf that the server names, then run `holdfast check`.',
  },
  'postgres.busy': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Raise max_connections, or close idle sessions: `SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2`.',
  },
  'postgres.changing': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'Tables were created, dropped, altered or truncated all the time while the backup tried to hold them still; ask again when that is over.',
  },
  'postgres.conflict': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Another session changed the same rows or waited for our locks; the next attempt may succeed.',
  },
  'postgres.database-missing': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct the database name in the url, or create the database, then run `holdfast check`.',
  },
  'postgres.disk-full': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Free space on the PostgreSQL server, then ask again.',
  },
  'postgres.locked': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'Let the named session end, or end it with `SELECT pg_terminate_backend(<pid>)`; how long a dump waits, `lockTimeoutMs` of its dataset says.',
  },
  'postgres.no-parent': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Take a full base backup, on which the next incremental ones build.',
  },
  'postgres.permission': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Grant the named rights to the role in the url; a backup role needs `GRANT pg_read_all_data TO <role>` and SELECT on every large object.',
  },
  'postgres.pooled': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Write the host and port of the PostgreSQL server itself into the url, usually port 5432 instead of 6432: through a pooler a snapshot, a lock and a setting belong to another session at every transaction.',
  },
  'postgres.query': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read the message and SQLSTATE in the context; the server log has the statement.',
  },
  'postgres.replication': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Set `wal_level = replica` and `max_wal_senders` of at least 3, restart the server, then run `holdfast check`.',
  },
  'postgres.rls-hidden': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Let the backup role see every row: `ALTER ROLE <role> BYPASSRLS`, run by a superuser.',
  },
  'postgres.tls': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct `sslmode` and `sslrootcert` in the url, or the certificate of the server.',
  },
  'postgres.tool-missing': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Install the named programs in the version that the message asks for (Debian: `postgresql-client-<major>` has the client tools, `postgresql-<major>` the server programs), or name their directory in `toolDirectories`.',
  },
  'postgres.tool-too-old': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Install the named programs in the version that the message asks for (Debian: `postgresql-client-<major>` has the client tools, `postgresql-<major>` the server programs), or name their directory in `toolDirectories`.',
  },
  'postgres.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the server runs and that host, port and firewall are right, then run `holdfast check`.',
  },
  'probe.blocked': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'What the probe looks at is locked or in use, so there is no verdict: let what its cause names end, and verify again.',
  },
  'probe.failed': {
    retryable: true,
    exit: Exit.failed,
    hint: 'The probe could not look, so there is no verdict: read its cause, then run `holdfast check` and verify again.',
  },
  'probe.impossible': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The probe could not look and never will as things are: read its cause, correct that, and verify again.',
  },
  'probe.timeout': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Raise `timeoutMs` of the probe in its profile, or let it look at less, and verify again.',
  },
  'probe.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'The probe reached no server to look at, so there is no verdict: start what its cause names, and verify again.',
  },
  'recovery.directory': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Name a directory that is absent or empty, in a folder that belongs to the user that PostgreSQL runs as.',
  },
  'recovery.failed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read what the server said under `said`. What `recover run` made of the directory is left there: remove it before the next try.',
  },
  'recovery.not-reached': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Run `holdfast archive show <dataset>` to see what can be reached, and choose an earlier target.',
  },
  'recovery.outside': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Choose the nearest target that is named here, or see the whole window with `holdfast archive show <dataset>`.',
  },
  'recovery.space': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Free space where the cluster is recovered, or name a directory on a larger disk.',
  },
  'recovery.stopped': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Run this on the machine that holds the recovered directory, as the user that PostgreSQL runs as or as root.',
  },
  'redis.aof': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Name the `appenddirname` folder of the server under `aofDirectory`, and let the executor read it; `redis-cli config get dir` shows where it is.',
  },
  'redis.auth': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Correct user and password of the url; `ACL WHOAMI` and `ACL LIST` on the server show who may log in.',
  },
  'redis.busy': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Wait until the server has loaded its data or ended its script; `redis-cli info persistence` shows how far it is.',
  },
  'redis.changing': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Wait until the cluster is whole and no slot moves; `redis-cli --cluster check <host>:<port>` shows it.',
  },
  'redis.directory': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name the `dir` of the server under `directory`, where the executor may write; stop the server, and move its old files away.',
  },
  'redis.full': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Raise `maxmemory` of the server, or restore to one with more memory. `replace` needs room for what is there and for what comes: `holdfast flush-cache` makes it, then restore as `new`.',
  },
  'redis.no-spare': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Raise `databases` in the configuration of the server and start it again, or empty the destination with `holdfast flush-cache` and restore to it as `new`.',
  },
  'redis.not-empty': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name an empty database, or ask for strategy `replace`, which empties it; `redis-cli info keyspace` shows what holds keys.',
  },
  'redis.permission': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Grant the command that the server names with `ACL SETUSER`; docs/how-to/back-up-redis.md lists what each work needs.',
  },
  'redis.refused': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read the answer of the server, correct what it names, then run `holdfast check`.',
  },
  'redis.snapshot': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Read the log of the server from that time, and take another backup; `redis-check-rdb` examines a file by hand.',
  },
  'redis.tls': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Name the authority of the server under `tls.caFile`, and a certificate of ours where the server asks for one.',
  },
  'redis.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the server under `url` answers, then run `holdfast check`.',
  },
  'redis.unsupported': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Remove what is named from the database, or back it up by another way; docs/how-to/back-up-redis.md says what is supported.',
  },
  'redis.version': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Restore to a server of that version or newer, or set `copy: commands` on the target, which writes values by the commands of their types.',
  },
  'replay.events-gone': {
    retryable: false,
    exit: Exit.failed,
    hint: 'A backup of the topic could fill the gap; what is still on the bus has been replayed.',
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
    hint: 'Another client committed offsets for the group; stop its consumers and ask for the replay again.',
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
  'repository.damaged': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Holdfast wrote no such file: see what answers under `url` and `endpoint` of the repository (a proxy, another program), then run `holdfast check`.',
  },
  'repository.delete-denied': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Run it where the configuration of the repository has `delete`, and give that credential the right to delete below the prefix; docs/how-to/protect-backups-from-deletion.md has the policies.',
  },
  'repository.denied': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Check the keys of the repository and that they may read, write, list and delete below its prefix, then run `holdfast check`.',
  },
  'repository.exists': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Another writer was first and nothing was replaced; read what is there before asking again.',
  },
  'repository.format': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Use the Holdfast version that wrote the repository, or a newer one.',
  },
  'repository.full': {
    retryable: true,
    exit: Exit.failed,
    hint: 'Free space in the repository or raise its quota, then ask again; docs/how-to/keep-and-expire-backups.md, “A full repository”, says how to delete backups that no one needs.',
  },
  'repository.lock-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Make a bucket with object lock, which few servers add later, or take `lock` out of the repository; docs/how-to/protect-backups-from-deletion.md has the commands.',
  },
  'repository.locked': {
    retryable: false,
    exit: Exit.refused,
    hint: 'A retention lock of the storage holds the object; it can be removed when the lock has expired.',
  },
  'repository.missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Create the bucket or directory, mount it, or correct the `url` of the repository, then run `holdfast check`.',
  },
  'repository.object-missing': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Another program removed the object, or the repository is another one; run `holdfast backup list`.',
  },
  'repository.protocol': {
    retryable: true,
    exit: Exit.failed,
    hint: 'The server refused a request that S3 allows; read the message, then its own log, and check `endpoint` and `region`.',
  },
  'repository.unavailable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the storage under `endpoint` or `url` of the repository answers, then run `holdfast check`.',
  },
  'repository.versions-denied': {
    retryable: false,
    exit: Exit.refused,
    hint: 'The bucket keeps versions, so nothing would be freed: give the credential that deletes `s3:ListBucketVersions` and `s3:DeleteObjectVersion` below the prefix; docs/how-to/protect-backups-from-deletion.md has the policies.',
  },
  'request.expired': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Publish a new request; restore, replay and recovery requests are valid for one hour unless they say less.',
  },
  'request.invalid': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Correct the named fields and ask again; `docs/reference/events` has every schema.',
  },
  'request.not-ours': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Find the producer that writes to the topic under the `source` of this installation and close the topic to it; after `holdfast catalog rebuild` repeat the requests from before it.',
  },
  'request.refused': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Ask for something that the configuration allows, or let an operator widen it in `holdfast.yaml`.',
  },
  'restore.blocked': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Run `holdfast restore plan` to see what stands in the way, clear it, then ask again.',
  },
  'restore.busy': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'Another restore works on the same destination: list it with `holdfast runs list`, then wait for it, or cancel it with `holdfast runs cancel`.',
  },
  'restore.database-exists': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Choose another --destination, rename the existing one, or restore with --strategy swap or in-place.',
  },
  'restore.database-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Restore with --strategy new, or create the database first.',
  },
  'restore.failed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read the errors in the context; the database is in the state that the message tells.',
  },
  'restore.kept-missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Run `holdfast kept list <target>` to see what restores have put aside there.',
  },
  'restore.roles-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Create the named roles on the target, or set `missingRoles: create` for it, then ask again.',
  },
  'restore.spool-full': {
    retryable: false,
    exit: Exit.failed,
    hint: "Free space in the executor's work directory, or set `executor.workDirectory` to a larger disk.",
  },
  'restore.unequal': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Read what differs in the context; restore with --strategy new to look at it, or choose another backup.',
  },
  'retention.busy': {
    retryable: true,
    exit: Exit.failed,
    hint: 'A sweep of a scheduler or of another operator works on the dataset; run `holdfast retention apply` again when it has ended.',
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
  'run.interrupted': {
    retryable: true,
    exit: Exit.failed,
    hint: 'The worker was shut down; the run goes on elsewhere, nothing to do.',
  },
  'run.missing': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'List the runs with `holdfast runs list` and use one of those ids.',
  },
  'run.overdue': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The run did not end before its deadline; ask again with a later one, or find what slowed it in `holdfast runs show <id>`.',
  },
  'sealing.damaged': {
    retryable: false,
    exit: Exit.failed,
    hint: 'The sealed bytes were changed after they were written; use another backup, and look at what else the storage has changed.',
  },
  'sealing.identity-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Set `encryption.identity` of the repository to the identity of one of these recipients, where the restore runs, then run `holdfast keys check`.',
  },
  'sealing.identity-wrong': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Find the identity of one of the recipients that the message names, add it to `encryption.identity`, then run `holdfast keys check`.',
  },
  'search.source': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Run the query under `rebuild` of the dataset by hand, as the role in its `url`: it must return each id once, and see every row. Then ask for the rebuild again.',
  },
  'search.unreachable': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Check that the search server under `url` of the `search` probe answers, and that no proxy stands before it, then verify again.',
  },
  'service.port-taken': {
    retryable: false,
    exit: Exit.badInput,
    hint: 'Give the service another `http.port` in the configuration, or stop what listens there.',
  },
  'temporal.store-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name the database of `defaultStore` in `url` and that of `visibilityStore` in `visibilityUrl`, as the configuration of Temporal has them.',
  },
  'undo.failed': {
    retryable: false,
    exit: Exit.failed,
    hint: 'Nothing was merged: read what the server said, mend it or leave rows out with --where, and look again with `holdfast undo plan <dataset>`.',
  },
  'undo.table': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Name tables that are in the live database and were there at that moment, `schema.table`; `holdfast wal search <dataset>` finds the moment. A table that is gone comes back by `holdfast restore run … --parts schema.table`.',
  },
  'wal.busy': {
    retryable: true,
    passes: true,
    exit: Exit.unreachable,
    hint: 'Nothing to do: the server hands the file over in its turn.',
  },
  'wal.conflict': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Two clusters write into one archive: stop the one that is no longer wanted, or give it a dataset of its own; `holdfast archive show <dataset>` lists what is there.',
  },
  'wal.invalid': {
    retryable: false,
    exit: Exit.refused,
    hint: "Only files that PostgreSQL archives are taken: use `archive_command = 'holdfast-wal push %p'` as it is; `pg_waldump` shows whether the file is whole.",
  },
  'wal.not-pushed': {
    retryable: true,
    passes: true,
    exit: Exit.failed,
    hint: 'The server keeps the file and tries again; its log has the line of `holdfast-wal` that says why, and `holdfast check` looks at its settings.',
  },
  'wal.relation-unknown': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Search without --table and with --kinds drop,truncate to see what went, or with --beside, which asks a copy of the cluster from before the span.',
  },
  'wal.slot-in-use': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Take `wal` out of the configuration of the dataset and restart the executors, then ask again.',
  },
  'wal.slot-missing': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Nothing is kept for it; `SELECT slot_name FROM pg_replication_slots` lists those that there are.',
  },
  'wal.unregistered': {
    retryable: false,
    exit: Exit.refused,
    hint: 'Give the cluster a dataset with `wal: { mode: push }` whose `url` leads to it, and restart the executor; a server that was made anew at that url has another system identifier.',
  },
} as const satisfies Record<string, CodeSpec>;

export type Code = keyof typeof Codes;
