-- Everything that a fleet is. Times are milliseconds since 1970: `*_utc_ms`, `utc_ms` in UTC, `*_msc` on the trade
-- server's clock. `memory` and `payload` are the program's own records.

-- Texts are ordered by their bytes, as everywhere else.

CREATE DOMAIN finite AS DOUBLE PRECISION CHECK (VALUE <> 'NaN');

CREATE TABLE accounts (
    id BIGINT PRIMARY KEY,
    server TEXT COLLATE "C" NOT NULL,
    login BIGINT NOT NULL,
    memory BYTEA,  -- none for an account of which only deals are known
    UNIQUE (server, login)
);

CREATE TABLE experts (
    ea_id BIGINT PRIMARY KEY,
    server TEXT COLLATE "C" NOT NULL,
    login BIGINT NOT NULL,
    magic BIGINT NOT NULL,
    symbol TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    memory BYTEA NOT NULL,
    UNIQUE (server, login, magic, symbol, name)
);

CREATE TABLE deals (
    account BIGINT NOT NULL REFERENCES accounts (id),
    ticket BIGINT NOT NULL,
    ea_id BIGINT,
    time_utc_ms BIGINT NOT NULL,
    "order" BIGINT NOT NULL,
    time_msc BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    magic BIGINT NOT NULL,
    position_id BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    volume finite NOT NULL,
    price finite NOT NULL,
    commission finite NOT NULL,
    swap finite NOT NULL,
    fee finite NOT NULL,
    profit finite NOT NULL,
    symbol TEXT COLLATE "C" NOT NULL,
    comment TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, ticket)
);
CREATE INDEX deals_in_order ON deals (time_utc_ms, account, ticket);
CREATE INDEX deals_of_account ON deals (account, time_utc_ms, ticket);
CREATE INDEX deals_of_position ON deals (position_id, account);
CREATE INDEX deals_of_expert ON deals (ea_id, time_utc_ms, account, ticket);
CREATE INDEX deals_of_symbol ON deals (symbol, time_utc_ms, account, ticket);

-- A trade is computed from the deals of its position, in the transaction that writes one of them.
CREATE TABLE trades (
    account BIGINT NOT NULL REFERENCES accounts (id),
    position_id BIGINT NOT NULL,
    ea_id BIGINT,
    symbol TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    volume finite NOT NULL,
    volume_closed finite NOT NULL,
    price_open finite,
    price_close finite,
    profit finite NOT NULL,
    commission finite NOT NULL,
    swap finite NOT NULL,
    fee finite NOT NULL,
    result finite NOT NULL,
    deals BIGINT NOT NULL,
    magic BIGINT NOT NULL,
    time_open_msc BIGINT NOT NULL,
    time_open_utc_ms BIGINT NOT NULL,
    time_close_msc BIGINT,
    time_close_utc_ms BIGINT,
    last_utc_ms BIGINT NOT NULL,
    PRIMARY KEY (account, position_id)
);
CREATE INDEX trades_in_order ON trades (last_utc_ms, account, position_id);
CREATE INDEX trades_of_account ON trades (account, last_utc_ms, position_id);
CREATE INDEX trades_of_position ON trades (position_id);
CREATE INDEX trades_of_expert ON trades (ea_id, last_utc_ms, account, position_id);
CREATE INDEX trades_of_symbol ON trades (symbol, last_utc_ms, account, position_id);
CREATE INDEX trades_of_status ON trades (status, last_utc_ms, account, position_id);

CREATE TABLE subjects (
    id BIGINT PRIMARY KEY,
    subject TEXT COLLATE "C" NOT NULL UNIQUE
);

-- `tier` is the length of a line's stretch of time in milliseconds: 1, a minute, an hour. `utc_ms` is where it begins,
-- `last_ms` when its last sample was taken.
CREATE TABLE samples (
    subject BIGINT NOT NULL REFERENCES subjects (id),
    tier BIGINT NOT NULL,
    utc_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    balance finite NOT NULL,
    equity finite NOT NULL,
    equity_min finite NOT NULL,
    equity_max finite NOT NULL,
    PRIMARY KEY (subject, tier, utc_ms)
);

CREATE TABLE events (
    channel TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    key TEXT COLLATE "C",
    utc_ms BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (channel, position)
);

CREATE TABLE alerts (
    id BIGINT PRIMARY KEY,
    status TEXT COLLATE "C" NOT NULL,
    cleared_ms BIGINT,
    alert TEXT COLLATE "C" NOT NULL  -- JSON
);
CREATE INDEX alerts_of_status ON alerts (status, id);
CREATE INDEX alerts_open ON alerts (id) WHERE status <> 'cleared';
CREATE INDEX alerts_cleared ON alerts (cleared_ms) WHERE cleared_ms IS NOT NULL;

CREATE TABLE news (
    id TEXT COLLATE "C" PRIMARY KEY,
    utc_ms BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    importance TEXT COLLATE "C" NOT NULL,
    memory BYTEA NOT NULL
);
CREATE INDEX news_in_order ON news (utc_ms, id);

CREATE TABLE notes (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);
