-- Tokens, and who may hear an event. No token stands here: `token` is JSON with the hash of its secret.

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    token TEXT NOT NULL
) STRICT;

-- JSON: a list of labels; none for everybody. Of what was kept before nobody knows who may hear it: only those who hear
-- everything do.
ALTER TABLE events ADD COLUMN labels TEXT;
UPDATE events SET labels = '[]' WHERE channel <> 'news_updates';
