-- Who gave way, to whom, and why; and how long each owner's sites were awake.

-- Why a site waits although it should run; '': it does not. Nothing of it runs meanwhile.
ALTER TABLE sites ADD COLUMN hold TEXT NOT NULL DEFAULT ''
    CHECK (hold IN ('', 'memory', 'runtime', 'limits'));

-- Pressure ----------------------------------------------------------------- written by deployd

-- One row a step, in the order in which they were taken.
CREATE TABLE enforcements (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    cause         TEXT NOT NULL CHECK (cause IN ('memory', 'runtime', 'limits')),
    step          TEXT NOT NULL,                        -- "put_to_sleep", "stop_site", "freeze_build", "warn"
    owner_kind    TEXT NOT NULL CHECK (owner_kind IN ('user', 'team')),
    owner_id      INTEGER NOT NULL,
    site_id       INTEGER NOT NULL,                     -- 0: all of the owner's
    deployment_id INTEGER NOT NULL,                     -- of a build; else 0
    memory_mib    INTEGER NOT NULL,                     -- what it occupied
    reason        TEXT NOT NULL,                        -- for the owner
    ended_at      INTEGER                               -- NULL: it lasts, and will be undone
) STRICT;
CREATE INDEX enforcements_lasting ON enforcements (site_id, deployment_id) WHERE ended_at IS NULL;
CREATE INDEX enforcements_by_owner ON enforcements (owner_kind, owner_id, id);
CREATE INDEX enforcements_by_age ON enforcements (at);

-- Seconds of a day (days since 1970, UTC) in which at least one container of the owner was awake.
CREATE TABLE runtime_days (
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'team')),
    owner_id   INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    awake_s    INTEGER NOT NULL CHECK (awake_s >= 0),
    PRIMARY KEY (owner_kind, owner_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX runtime_days_by_age ON runtime_days (day);
