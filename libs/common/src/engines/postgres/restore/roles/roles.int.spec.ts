import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PgSession, withPgSession } from '#common/engines/postgres/pg-session.js';
import { representative } from '#common/testing/representative.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import type { RoleStatements } from './globals.js';
import { createRoles, withoutAbsentGroups } from './roles.js';

const { signal } = new AbortController();

describe.each(representative(['postgres18', 'postgres15'] as const))(
  'a role that a restore creates on %s',
  (server) => {
    let scratch: ScratchDatabase;
    let group: string;
    beforeAll(async () => {
      scratch = await ScratchDatabase.create(server);
      group = await scratch.createRole('group');
    });
    afterAll(async () => {
      await scratch.onServer(`DROP ROLE IF EXISTS "${scratch.name} ""odd"""`);
      await scratch.drop();
    });
    const inSession = <T>(work: (session: PgSession) => Promise<T>): Promise<T> =>
      withPgSession(scratch.connection, { signal, applicationName: 'spec' }, work);

    it('keeps its connection limit, validity, comment and how it is a member, and has no login', async () => {
      const name = `${scratch.name} "odd"`;
      const inherits = server === 'postgres18' ? false : undefined;
      const role: RoleStatements = {
        ...{ name, inherits: false, connectionLimit: 7, validUntil: '2031-02-03 04:05:06+00', withheld: [] },
        ...{ comment: `it's a \\ "comment"`, memberOf: [{ group, inherits, sets: true }] },
      };
      await inSession((session) => createRoles(session, [role], []));
      const [made] = await scratch.query<object>(
        `SELECT rolcanlogin AS login, rolinherit AS inherits, rolconnlimit AS "limit", extract(epoch FROM rolvaliduntil)::int AS until,
         shobj_description(r.oid, 'pg_authid') AS comment, to_jsonb(m) ->> 'inherit_option' AS "memberInherits"
       FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid
       WHERE rolname = $1`,
        [name],
      );
      expect(made).toEqual({
        ...{ login: false, inherits: false, limit: 7, until: Date.UTC(2031, 1, 3, 4, 5, 6) / 1_000 },
        ...{ comment: role.comment, memberInherits: inherits === undefined ? null : 'false' },
      });
    });

    it('tells which groups it can be no member of, for there are none', async () => {
      const memberOf = ['nowhere', group].map((name) => ({ group: name, inherits: undefined, sets: true }));
      const role = {
        ...{ name: 'x', inherits: true, connectionLimit: undefined },
        validUntil: undefined,
        comment: undefined,
      };
      const [planned] = await inSession((session) =>
        withoutAbsentGroups(session, [{ ...role, memberOf, withheld: [] }]),
      );
      expect(planned).toMatchObject({ memberOf: [{ group }], withheld: ['member of nowhere'] });
    });
  },
);
