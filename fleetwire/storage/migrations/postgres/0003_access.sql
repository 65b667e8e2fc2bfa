-- Tokens, and who may hear an event. No token stands here: `token` is JSON with the hash of its secret.

CREATE TABLE tokens (
    id TEXT COLLATE "C" PRIMARY KEY,
    created_ms BIGINT NOT NULL,
    token TEXT COLLATE "C" NOT NULL
);

-- JSON: a list of labels; none for everybody. Of what was kept before nobody knows who may hear it: only those who hear
-- everything do.
ALTER TABLE events ADD COLUMN labels TEXT COLLATE "C";
UPDATE events SET labels = '[]' WHERE channel <> 'news_updates';
