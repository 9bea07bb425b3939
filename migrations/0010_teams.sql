-- Teams: people who share. A team's sites are admitted against what the team has: the pool that it
-- was given (limits of kind "team") and what its members bring in.

-- Teams ----------------------------------------------------------------- written by admind

CREATE TABLE teams (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL COLLATE NOCASE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
-- A deleted team's name is free again; its row stays for the record.
CREATE UNIQUE INDEX teams_by_name ON teams (name) WHERE deleted_at IS NULL;

-- Members are people, never teams. A person may be in several.
CREATE TABLE team_members (
    team_id   INTEGER NOT NULL REFERENCES teams (id),
    user_id   INTEGER NOT NULL REFERENCES users (id),
    role      TEXT NOT NULL CHECK (role IN ('member', 'lead')),
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_by_user ON team_members (user_id);

-- What a member brings in, and does not have meanwhile.
CREATE TABLE team_shares (
    team_id    INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    dimension  TEXT NOT NULL,                           -- libdialup/quota/dimensions.def, no sums
    amount     INTEGER NOT NULL CHECK (amount > 0),     -- in the dimension's unit
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id, dimension),
    FOREIGN KEY (team_id, user_id) REFERENCES team_members (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_shares_by_user ON team_shares (user_id, dimension, amount);

-- Profiles that an admin made; the others are libdialup/quota/profiles.def.
CREATE TABLE profiles (
    name             TEXT PRIMARY KEY,
    can_create_sites INTEGER NOT NULL DEFAULT 1 CHECK (can_create_sites IN (0, 1)),
    can_use_editor   INTEGER NOT NULL DEFAULT 1 CHECK (can_use_editor IN (0, 1)),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE profile_limits (
    profile       TEXT NOT NULL REFERENCES profiles (name),
    dimension     TEXT NOT NULL,
    hard          INTEGER CHECK (hard >= 0),
    percent       INTEGER NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100),
    soft_percent  INTEGER NOT NULL DEFAULT 80 CHECK (soft_percent BETWEEN 1 AND 100),
    burst_percent INTEGER NOT NULL DEFAULT 0 CHECK (burst_percent BETWEEN 0 AND 100),
    PRIMARY KEY (profile, dimension),
    CHECK (hard IS NOT NULL OR percent > 0)
) STRICT, WITHOUT ROWID;

-- Violations ------------------------------------------------------------ written by monitord

-- One row an episode: from the first look at which a use was there to the last.
CREATE TABLE violations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    entity_kind TEXT NOT NULL CHECK (entity_kind IN ('system', 'team', 'user')),
    entity_id   INTEGER NOT NULL,                       -- 0 for the system
    dimension   TEXT NOT NULL,
    kind        TEXT NOT NULL                           -- the worst of it; in_force: the kernel has another limit
                CHECK (kind IN ('soft', 'hard', 'over', 'in_force')),
    began_at    INTEGER NOT NULL,
    limit_value INTEGER NOT NULL,                       -- in force when it was noted last
    peak        INTEGER NOT NULL,
    ended_at    INTEGER,
    action      TEXT NOT NULL DEFAULT ''                -- what was done about it, for people
) STRICT;
-- One at a time.
CREATE UNIQUE INDEX violations_open ON violations (entity_kind, entity_id, dimension, kind = 'in_force')
    WHERE ended_at IS NULL;
CREATE INDEX violations_by_entity ON violations (entity_kind, entity_id, id);
CREATE INDEX violations_by_end ON violations (ended_at);
