-- Two roles for PostgreSQL: the owner changes the schema, the application only works in it.
--
-- With one role for both, whoever takes over the web process can drop the triggers that keep the
-- audit log append-only. With two it cannot: only the owner of a table drops or switches off its
-- triggers, and the application role has no right to change or delete what was logged.
--
-- Run it as an administrator of the database, after the first migration and after each later one;
-- it may be run again:
--
--   psql "$ADMIN_DATABASE_URL" -v ON_ERROR_STOP=1 -f docker/audit-roles.sql
--
-- Then give both roles passwords (\password dermatech_owner), run migrations with the owner's
-- DATABASE_URL and everything else (web, worker, seal_audit) with that of dermatech_app.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dermatech_owner') THEN
        CREATE ROLE dermatech_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dermatech_app') THEN
        CREATE ROLE dermatech_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO dermatech_owner, dermatech_app', current_database());
END
$$;

-- The owner has every table, sequence and function of the schema.
DO $$
DECLARE
    thing record;
BEGIN
    EXECUTE 'ALTER SCHEMA public OWNER TO dermatech_owner';
    FOR thing IN
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public'
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO dermatech_owner', thing.name);
    END LOOP;
    -- Sequences of identity columns follow their table.
    FOR thing IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
    LOOP
        EXECUTE format('ALTER SEQUENCE %s OWNER TO dermatech_owner', thing.name);
    END LOOP;
    FOR thing IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proname IN ('audit_refuse_change', 'release_refuse_change', 'remark_refuse_change')
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO dermatech_owner', thing.name);
    END LOOP;
END
$$;

-- The application reads and writes rows, and nothing else.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO dermatech_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO dermatech_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO dermatech_app;
ALTER DEFAULT PRIVILEGES FOR ROLE dermatech_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dermatech_app;
ALTER DEFAULT PRIVILEGES FOR ROLE dermatech_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO dermatech_app;

-- Of the audit log it may only read and add. A mark goes when its event is sealed (a trigger looks),
-- and values may be erased; nothing is ever changed.
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER
    ON accounts_auditevent, accounts_auditleaf, accounts_auditcheckpoint FROM dermatech_app;
REVOKE UPDATE, TRUNCATE, REFERENCES, TRIGGER
    ON accounts_auditpending, accounts_auditdisclosure FROM dermatech_app;
-- The history of migrations is the owner's.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM dermatech_app;
