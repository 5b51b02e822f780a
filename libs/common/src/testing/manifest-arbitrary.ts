import fc from 'fast-check';
import type { BusPosition } from '#common/contracts/bus-position.js';
import type { Manifest, ManifestObject, WalRange } from '#common/contracts/manifest.js';
import type { SnapshotFacts, TableFacts } from '#common/contracts/snapshot-facts.js';
import { toUuidV7 } from '#common/domain/ids.js';

const text = () => fc.string({ unit: 'grapheme', maxLength: 20 });
const name = () => fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const sha256 = () => fc.stringMatching(/^[0-9a-f]{64}$/);
const instant = () =>
  fc
    .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString());
const uuid = () =>
  fc
    .tuple(fc.integer({ min: 0, max: 2 ** 42 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
    .map(([ms, bytes]) => toUuidV7(new Date(ms), bytes));
const offset = () => fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String);
const lsn = () => fc.stringMatching(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);
const size = () => fc.maxSafeNat();
const qualified = () => fc.tuple(name(), text()).map(([schema, table]) => `${schema}.x${table}`);

const object = (): fc.Arbitrary<ManifestObject> =>
  fc.record({
    name: text(),
    key: text(),
    sizeBytes: size(),
    sha256: sha256(),
    compression: fc.constantFrom('zstd', 'none'),
    encryption: fc.constantFrom('age', 'none'),
  });

const table = (): fc.Arbitrary<TableFacts> =>
  fc.record({
    name: qualified(),
    rows: size(),
    rowsExact: fc.boolean(),
    fingerprint: fc.option(sha256()),
    rls: fc.record({
      enabled: fc.boolean(),
      forced: fc.boolean(),
      policies: fc.array(
        fc.record({
          name: text(),
          command: fc.constantFrom('ALL', 'SELECT', 'INSERT', 'UPDATE', 'DELETE'),
          permissive: fc.boolean(),
          roles: fc.array(text()),
          using: fc.option(text()),
          check: fc.option(text()),
        }),
        { maxLength: 3 },
      ),
    }),
  });

const snapshot = (): fc.Arbitrary<SnapshotFacts> =>
  fc.record({
    takenAt: instant(),
    lsn: fc.option(lsn()),
    systemId: fc.option(text()),
    serverVersion: text(),
    serverVersionNum: fc.nat(),
    database: text(),
    encoding: text(),
    collation: text(),
    databaseOwner: text(),
    databasePrivileges: fc.array(text(), { maxLength: 3 }),
    databaseComment: fc.option(text()),
    connectionLimit: fc.integer(),
    sizeBytes: size(),
    tables: fc.array(table(), { maxLength: 3 }),
    objects: fc.array(
      fc.record({
        kind: fc.constantFrom('schema', 'table', 'view', 'function'),
        identity: text(),
        owner: text(),
        privileges: fc.array(text(), { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
    sequences: fc.array(fc.record({ name: qualified(), lastValue: offset(), isCalled: fc.boolean() }), {
      maxLength: 2,
    }),
    extensions: fc.array(fc.record({ name: text(), version: text(), schema: text(), comment: fc.option(text()) }), {
      maxLength: 2,
    }),
    settings: fc.array(fc.record({ database: fc.option(text()), role: fc.option(text()), setting: text() }), {
      maxLength: 2,
    }),
    collations: fc.array(
      fc.record({ name: text(), provider: fc.constantFrom('libc', 'icu', 'builtin'), locales: fc.array(text()) }),
      { maxLength: 2 },
    ),
    tablespaces: fc.array(text(), { maxLength: 2 }),
    largeObjects: fc.array(
      fc.record({
        ...{ from: text(), to: text(), count: fc.integer({ min: 1 }), numbers: sha256() },
        ...{ owner: text(), content: fc.option(sha256()) },
      }),
      { maxLength: 2 },
    ),
    memberships: fc.array(fc.record({ member: text(), role: text(), admin: fc.boolean(), isWithheld: fc.boolean() }), {
      maxLength: 2,
    }),
    warnings: fc.array(text(), { maxLength: 2 }),
    roles: fc.array(text(), { maxLength: 3 }),
    definitions: text(),
    migrationHead: fc.option(text()),
  });

const topic = () => fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/).filter((text) => text !== '__proto__');

const busPosition = (): fc.Arbitrary<BusPosition> =>
  fc.record({
    state: fc.constantFrom('proven', 'unproven'),
    takenAt: instant(),
    clusterId: text(),
    topicIds: fc.dictionary(topic(), fc.option(text()), { maxKeys: 2 }),
    partitions: fc.array(
      fc.record({
        topic: topic(),
        partition: fc.nat(),
        logStartOffset: offset(),
        endOffset: offset(),
        committed: fc.dictionary(name(), fc.option(offset()), { maxKeys: 2 }),
        anchor: fc.option(fc.record({ offset: offset(), sha256: sha256() })),
      }),
      { maxLength: 3 },
    ),
  });

const walRange = (): fc.Arbitrary<WalRange> =>
  fc.record({
    kind: fc.constant('wal'),
    systemId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    timeline: fc.integer({ min: 1, max: 99 }),
    startLsn: lsn(),
    endLsn: lsn(),
  });

/** Any manifest that the schema allows, for round trips. */
export const manifestArbitrary = (): fc.Arbitrary<Manifest> =>
  fc.record({
    formatVersion: fc.constant(1),
    dataset: name(),
    kind: fc.constant('postgres'),
    method: fc.constant('dump'),
    purpose: fc.constantFrom('regular', 'safety'),
    backupId: uuid(),
    runId: uuid(),
    attempt: fc.integer({ min: 1, max: 99 }),
    attemptKey: text(),
    startedAt: instant(),
    completedAt: instant(),
    holdfastVersion: text(),
    recipients: fc.array(text(), { maxLength: 2 }),
    tools: fc.dictionary(name(), text(), { maxKeys: 3 }),
    objects: fc.array(object(), { minLength: 1, maxLength: 3 }),
    needs: fc.array(uuid(), { maxLength: 2 }),
    requires: fc.array(walRange(), { maxLength: 2 }),
    snapshotAt: instant(),
    sourceSizeBytes: size(),
    counts: fc.dictionary(name(), size(), { maxKeys: 3 }),
    source: text(),
    warnings: fc.array(text(), { maxLength: 2 }),
    facts: fc.option(snapshot().map((facts) => ({ ...facts }))),
    busPosition: fc.option(busPosition()),
    restoreByHand: fc.array(text(), { minLength: 1, maxLength: 3 }),
    suspicious: fc.array(text(), { maxLength: 2 }),
  });
