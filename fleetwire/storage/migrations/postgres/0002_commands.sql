-- Commands, and the audit. `settled_ms` is when a command came to an end or was lost sight of; none while it is under
-- way. A command for several experts has no `ea_id`; each expert's part of it has it as `parent_id`.

CREATE TABLE commands (
    number BIGINT PRIMARY KEY,
    command_id TEXT COLLATE "C" NOT NULL UNIQUE,
    parent_id TEXT COLLATE "C" NOT NULL,
    ea_id BIGINT,
    command TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    operator TEXT COLLATE "C" NOT NULL,
    issued_ms BIGINT NOT NULL,
    settled_ms BIGINT,
    memory BYTEA NOT NULL
);
CREATE INDEX commands_of_expert ON commands (ea_id, number);
CREATE INDEX commands_of_status ON commands (status, number);
CREATE INDEX commands_of_parent ON commands (parent_id, number) WHERE parent_id <> '';
CREATE INDEX commands_unsettled ON commands (number) WHERE settled_ms IS NULL;
CREATE INDEX commands_settled ON commands (settled_ms) WHERE settled_ms IS NOT NULL;

-- Rows are added, and nothing else ever happens to them; each holds the hash of the one before.
CREATE TABLE audit (
    number BIGINT PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL  -- JSON
);
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of the audit is never changed or removed' USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_only_grows();

-- Where the audit ends: rows that were cut off at its end are missed.
CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
