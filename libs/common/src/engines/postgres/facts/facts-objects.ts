import { createHash } from 'node:crypto';
import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import type { PgSession } from '#common/engines/postgres/pg-session.js';
import { INDEXES, RELATIONS } from './facts-relations.js';
import { ROUTINES, TYPES } from './facts-routines.js';
import { DEFAULT_PRIVILEGES, SCHEMAS } from './facts-schemas.js';

interface ObjectRow {
  readonly kind: ObjectFacts['kind'];
  readonly identity: string;
  readonly owner: string;
  readonly privileges: string[];
  readonly securityDefiner: boolean | null;
  readonly securityInvoker: boolean | null;
  readonly definition: string | null;
}

const PARTS = [RELATIONS, INDEXES, ROUTINES, TYPES, SCHEMAS, DEFAULT_PRIVILEGES].join('\n  UNION ALL');

/** Every object that has an owner or privileges, in a fixed order. */
export async function readObjects(session: PgSession): Promise<ObjectFacts[]> {
  const rows = await session.query<ObjectRow>(
    `SELECT * FROM (${PARTS}\n) AS object ORDER BY kind, identity COLLATE "C"`,
  );
  return rows.map(toObjectFacts);
}

function toObjectFacts({ kind, identity, owner, privileges, ...row }: ObjectRow): ObjectFacts {
  return {
    kind,
    identity,
    owner,
    privileges,
    ...(row.securityDefiner === null ? {} : { securityDefiner: row.securityDefiner }),
    ...(row.securityInvoker === null ? {} : { securityInvoker: row.securityInvoker }),
    ...(row.definition === null ? {} : { definitionSha256: toDefinitionSha256(row.definition) }),
  };
}

/** PostgreSQL prints definitions from its own parse tree: only line ends and outer space are a matter of taste. */
const toDefinitionSha256 = (definition: string): string =>
  createHash('sha256').update(definition.replaceAll('\r\n', '\n').trim()).digest('hex');
