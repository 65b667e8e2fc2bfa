-- Everything that a fleet is. Times are milliseconds since 1970: `*_utc_ms`, `utc_ms` in UTC, `*_msc` on the trade
-- server's clock. `memory` and `payload` are the program's own records.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    login INTEGER NOT NULL,
    memory BLOB,  -- none for an account of which only deals are known
    UNIQUE (server, login)
) STRICT;

CREATE TABLE experts (
    ea_id INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    login INTEGER NOT NULL,
    magic INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,
    memory BLOB NOT NULL,
    UNIQUE (server, login, magic, symbol, name)
) STRICT;

CREATE TABLE deals (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    ticket INTEGER NOT NULL,
    ea_id INTEGER,
    time_utc_ms INTEGER NOT NULL,
    "order" INTEGER NOT NULL,
    time_msc INTEGER NOT NULL,
    type TEXT NOT NULL,
    entry TEXT NOT NULL,
    magic INTEGER NOT NULL,
    position_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    volume REAL NOT NULL,
    price REAL NOT NULL,
    commission REAL NOT NULL,
    swap REAL NOT NULL,
    fee REAL NOT NULL,
    profit REAL NOT NULL,
    symbol TEXT NOT NULL,
    comment TEXT NOT NULL,
    UNIQUE (account, ticket)
) STRICT;
CREATE INDEX deals_in_order ON deals (time_utc_ms, account, ticket);
CREATE INDEX deals_of_account ON deals (account, time_utc_ms, ticket);
CREATE INDEX deals_of_position ON deals (position_id, account);
CREATE INDEX deals_of_expert ON deals (ea_id, time_utc_ms, account, ticket);
CREATE INDEX deals_of_symbol ON deals (symbol, time_utc_ms, account, ticket);

-- A trade is computed from the deals of its position, in the transaction that writes one of them.
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    position_id INTEGER NOT NULL,
    ea_id INTEGER,
    symbol TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    volume REAL NOT NULL,
    volume_closed REAL NOT NULL,
    price_open REAL,
    price_close REAL,
    profit REAL NOT NULL,
    commission REAL NOT NULL,
    swap REAL NOT NULL,
    fee REAL NOT NULL,
    result REAL NOT NULL,
    deals INTEGER NOT NULL,
    magic INTEGER NOT NULL,
    time_open_msc INTEGER NOT NULL,
    time_open_utc_ms INTEGER NOT NULL,
    time_close_msc INTEGER,
    time_close_utc_ms INTEGER,
    last_utc_ms INTEGER NOT NULL,
    UNIQUE (account, position_id)
) STRICT;
CREATE INDEX trades_in_order ON trades (last_utc_ms, account, position_id);
CREATE INDEX trades_of_account ON trades (account, last_utc_ms, position_id);
CREATE INDEX trades_of_position ON trades (position_id);
CREATE INDEX trades_of_expert ON trades (ea_id, last_utc_ms, account, position_id);
CREATE INDEX trades_of_symbol ON trades (symbol, last_utc_ms, account, position_id);
CREATE INDEX trades_of_status ON trades (status, last_utc_ms, account, position_id);

CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE
) STRICT;

-- `tier` is the length of a line's stretch of time in milliseconds: 1, a minute, an hour. `utc_ms` is where it begins,
-- `last_ms` when its last sample was taken.
CREATE TABLE samples (
    subject INTEGER NOT NULL REFERENCES subjects (id),
    tier INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    balance REAL NOT NULL,
    equity REAL NOT NULL,
    equity_min REAL NOT NULL,
    equity_max REAL NOT NULL,
    PRIMARY KEY (subject, tier, utc_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    channel TEXT NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key TEXT,
    utc_ms INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (channel, position)
) STRICT;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    cleared_ms INTEGER,
    alert TEXT NOT NULL  -- JSON
) STRICT;
CREATE INDEX alerts_of_status ON alerts (status, id);
CREATE INDEX alerts_open ON alerts (id) WHERE status <> 'cleared';
CREATE INDEX alerts_cleared ON alerts (cleared_ms) WHERE cleared_ms IS NOT NULL;

CREATE TABLE news (
    id TEXT PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    currency TEXT NOT NULL,
    importance TEXT NOT NULL,
    memory BLOB NOT NULL
) STRICT;
CREATE INDEX news_in_order ON news (utc_ms, id);

CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
