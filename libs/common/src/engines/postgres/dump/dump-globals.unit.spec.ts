import { describe, expect, it } from '@jest/globals';
import { toGlobalsOf } from './dump-globals.js';

const GLOBALS = String.raw`--
-- PostgreSQL database cluster dump
--

\restrict abc

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';

--
-- Roles
--

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN;
COMMENT ON ROLE app IS 'it''s; the
CREATE ROLE of the shop';
CREATE ROLE "odd ""app"";";
ALTER ROLE "odd ""app"";" WITH NOSUPERUSER INHERIT NOLOGIN;
CREATE ROLE other;
ALTER ROLE other WITH SUPERUSER INHERIT LOGIN;
COMMENT ON ROLE other IS 'not
ALTER ROLE app WITH SUPERUSER;
';

--
-- User Config "it's other"
--

ALTER ROLE app SET "app.jwt_secret" TO 'hunter2; ''
more';
ALTER ROLE app SET search_path TO '$user', 'public';
ALTER ROLE app SET "app.path" TO E'C:\\';
ALTER ROLE other SET work_mem TO '1GB';

--
-- Role memberships
--

GRANT app TO other WITH INHERIT TRUE GRANTED BY postgres;
GRANT groups TO "odd ""app"";" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY other;
GRANT "odd ""app"";" TO app WITH INHERIT TRUE GRANTED BY groups;
GRANT pg_read_all_data TO other GRANTED BY postgres;
CREATE ROLE groups;

SET SESSION AUTHORIZATION other;
GRANT SET ON PARAMETER log_statement TO other;
GRANT SET ON PARAMETER log_statement TO app WITH GRANT OPTION;
RESET SESSION AUTHORIZATION;

\unrestrict abc

--
-- PostgreSQL database cluster dump complete
--
`;

const HEADER = String.raw`\restrict abc
SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';`;

describe('the globals of a backup', () => {
  const lines = (roles: string[]) => toGlobalsOf(roles, GLOBALS).split(/\n+/).join('\n');

  it('are the roles of the backup and those whose members they are, without secrets and foreign grantors', () => {
    expect(lines(['app'])).toBe(String.raw`${HEADER}
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN;
COMMENT ON ROLE app IS 'it''s; the
CREATE ROLE of the shop';
CREATE ROLE "odd ""app"";";
ALTER ROLE "odd ""app"";" WITH NOSUPERUSER INHERIT NOLOGIN;
ALTER ROLE app SET search_path TO '$user', 'public';
ALTER ROLE app SET "app.path" TO E'C:\\';
GRANT groups TO "odd ""app"";" WITH ADMIN OPTION, INHERIT TRUE;
GRANT "odd ""app"";" TO app WITH INHERIT TRUE GRANTED BY groups;
CREATE ROLE groups;
GRANT SET ON PARAMETER log_statement TO app WITH GRANT OPTION;
\unrestrict abc
`);
  });

  it('bring no member of a role, and nothing of roles that were not asked for', () => {
    expect(lines(['groups'])).toBe(`${HEADER}\nCREATE ROLE groups;\n\\unrestrict abc\n`);
    expect(lines(['unknown'])).toBe(`${HEADER}\n\\unrestrict abc\n`);
  });

  it('are refused when they do not end with a whole statement', () => {
    expect(() => toGlobalsOf(['app'], `${GLOBALS}COMMENT ON ROLE app IS 'cut`)).toThrow('no whole statement');
  });
});
