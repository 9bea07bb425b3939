-- What happened to people's accounts and teams, for them to read; whether a lead may have a member
-- bring in more; and who has a profile.

-- Notices --------------------------------------------------------------- written by admind

CREATE TABLE notices (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id), -- who is told
    kind        TEXT NOT NULL
                CHECK (kind IN ('limits', 'team', 'soft_limit', 'limit_reached', 'put_to_sleep', 'pressure')),
    entity_kind TEXT NOT NULL CHECK (entity_kind IN ('system', 'team', 'user')),
    entity_id   INTEGER NOT NULL,                       -- 0 for the system
    text        TEXT NOT NULL,
    source      TEXT,                                   -- "violation:17:soft": told once; NULL: told as often as it is said
    at          INTEGER NOT NULL,
    read_at     INTEGER
) STRICT;
CREATE INDEX notices_by_user ON notices (user_id, id);
CREATE UNIQUE INDEX notices_once ON notices (user_id, source) WHERE source IS NOT NULL;
CREATE INDEX notices_unread ON notices (user_id) WHERE read_at IS NULL;
CREATE INDEX notices_by_time ON notices (at);

-- Without it a lead could take what is somebody else's by adding them to a team.
ALTER TABLE team_members ADD COLUMN leads_may_move INTEGER NOT NULL DEFAULT 0 CHECK (leads_may_move IN (0, 1));

CREATE INDEX users_by_profile ON users (profile);
CREATE INDEX users_by_role ON users (role);
