-- Commands, and the audit. `settled_ms` is when a command came to an end or was lost sight of; none while it is under
-- way. A command for several experts has no `ea_id`; each expert's part of it has it as `parent_id`.

CREATE TABLE commands (
    number INTEGER PRIMARY KEY,
    command_id TEXT NOT NULL UNIQUE,
    parent_id TEXT NOT NULL,
    ea_id INTEGER,
    command TEXT NOT NULL,
    status TEXT NOT NULL,
    operator TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    settled_ms INTEGER,
    memory BLOB NOT NULL
) STRICT;
CREATE INDEX commands_of_expert ON commands (ea_id, number);
CREATE INDEX commands_of_status ON commands (status, number);
CREATE INDEX commands_of_parent ON commands (parent_id, number) WHERE parent_id <> '';
CREATE INDEX commands_unsettled ON commands (number) WHERE settled_ms IS NULL;
CREATE INDEX commands_settled ON commands (settled_ms) WHERE settled_ms IS NOT NULL;

-- Rows are added, and nothing else ever happens to them; each holds the hash of the one before.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    entry TEXT NOT NULL  -- JSON
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'a row of the audit is never changed');
END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'a row of the audit is never removed');
END;

-- Where the audit ends: rows that were cut off at its end are missed.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
