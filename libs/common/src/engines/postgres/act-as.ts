import { literal, type Sql } from '#common/pg/sql.js';
import type { PgSession } from './pg-session.js';

/** For `pg_has_role`: what lets one role act as another. Membership alone is not enough from 16 on: it may come without the right to SET ROLE. */
export const toActAs = ({ serverMajor }: PgSession): Sql => literal(serverMajor >= 16 ? 'SET' : 'MEMBER');
