-- The first schema. Times are seconds since 1970 (UTC) unless the name says _ms or _us; memory is
-- MiB; CPU is thousandths of a core. Each table has one writer: see libdialup/store/tables.def.
-- No foreign key crosses owners with a cascade: rows of another program are never changed here.

-- People ---------------------------------------------------------------- written by admind

CREATE TABLE users (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    email            TEXT NOT NULL COLLATE NOCASE UNIQUE,
    name             TEXT NOT NULL,
    password_hash    TEXT,                              -- argon2id; NULL: cannot log in with one
    role             TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    profile          TEXT NOT NULL,                     -- what the limits were copied from
    can_create_sites INTEGER NOT NULL DEFAULT 1 CHECK (can_create_sites IN (0, 1)),
    can_use_editor   INTEGER NOT NULL DEFAULT 1 CHECK (can_use_editor IN (0, 1)),
    is_active        INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token_hash   BLOB PRIMARY KEY,                      -- BLAKE2b-256 of the cookie's value
    user_id      INTEGER NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,                         -- first characters, to recognise it by
    token_hash   BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- What an entity may use. A missing row: no limit at this level.
CREATE TABLE limits (
    entity_kind   TEXT NOT NULL CHECK (entity_kind IN ('system', 'team', 'user')),
    entity_id     INTEGER NOT NULL,                     -- 0 for the system
    dimension     TEXT NOT NULL,                        -- libdialup/quota/dimensions.def
    hard          INTEGER NOT NULL CHECK (hard >= 0),   -- in the dimension's unit
    soft_percent  INTEGER NOT NULL DEFAULT 80 CHECK (soft_percent BETWEEN 1 AND 100),
    burst_percent INTEGER NOT NULL DEFAULT 0 CHECK (burst_percent BETWEEN 0 AND 100),
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (entity_kind, entity_id, dimension)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    id             TEXT PRIMARY KEY,                    -- random, also the file's name
    site_id        INTEGER NOT NULL,
    user_id        INTEGER NOT NULL,
    received_bytes INTEGER NOT NULL DEFAULT 0,
    max_bytes      INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('open', 'complete', 'used')),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_age ON uploads (updated_at);

CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,                           -- "user:7", "root", "system"
    action     TEXT NOT NULL,                           -- "site.create", "limits.change"
    subject    TEXT NOT NULL,                           -- "site:mysite.example.org", "user:7"
    detail     TEXT NOT NULL,                           -- JSON object, never a secret
    request_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject, at);

-- Sites ---------------------------------------------------------------- written by deployd

CREATE TABLE sites (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_kind         TEXT NOT NULL CHECK (owner_kind IN ('user', 'team')),
    owner_id           INTEGER NOT NULL,
    domain             TEXT NOT NULL,
    type               TEXT NOT NULL,                   -- libdialup/site/site_types.def
    strategy           TEXT NOT NULL DEFAULT 'lazy',
    memory_mib         INTEGER NOT NULL CHECK (memory_mib >= 0),
    cpu_millicores     INTEGER NOT NULL CHECK (cpu_millicores >= 0),
    desired            TEXT NOT NULL DEFAULT 'running' CHECK (desired IN ('running', 'stopped', 'deleted')),
    restart_generation INTEGER NOT NULL DEFAULT 0,      -- counted up by "restart": the container of an older one is replaced
    desired_deployment INTEGER,                         -- the release that should be live
    state              TEXT NOT NULL DEFAULT 'new'      -- as last seen by the converger
                       CHECK (state IN ('new', 'starting', 'running', 'stopped', 'failed', 'deleted')),
    state_reason       TEXT NOT NULL DEFAULT '',
    live_deployment    INTEGER,                         -- the release that answers now
    route_address      TEXT NOT NULL DEFAULT '',        -- "172.18.0.5:3000" of a live container; '' for files
    storage_bytes      INTEGER NOT NULL DEFAULT 0,      -- all releases, allocated blocks
    storage_inodes     INTEGER NOT NULL DEFAULT 0,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    deleted_at         INTEGER
) STRICT;
-- A deleted site's name is free again; its row stays for the record.
CREATE UNIQUE INDEX sites_by_domain ON sites (domain) WHERE deleted_at IS NULL;
CREATE INDEX sites_by_owner ON sites (owner_kind, owner_id);

CREATE TABLE deployments (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id       INTEGER NOT NULL REFERENCES sites (id),
    number        INTEGER NOT NULL,                     -- 1, 2, 3 of this site
    kind          TEXT NOT NULL CHECK (kind IN ('upload', 'rollback')),
    state         TEXT NOT NULL CHECK (state IN ('queued', 'building', 'starting', 'live', 'superseded', 'failed')),
    step          TEXT NOT NULL DEFAULT '',             -- what it does now, for people
    source        TEXT NOT NULL,                        -- upload id, or "deployment:N" of a rollback
    base_id       INTEGER,                              -- release whose unchanged files are linked
    commit_ref    TEXT NOT NULL DEFAULT '',
    message       TEXT NOT NULL DEFAULT '',
    created_by    TEXT NOT NULL,
    runtime       TEXT NOT NULL DEFAULT '',             -- JSON: how the release is served
    files         INTEGER NOT NULL DEFAULT 0,
    size_bytes    INTEGER NOT NULL DEFAULT 0,
    received_bytes INTEGER NOT NULL DEFAULT 0,
    error_name    TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    error_hint    TEXT NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    duration_ms   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (site_id, number)
) STRICT;
CREATE INDEX deployments_unfinished ON deployments (state) WHERE state IN ('queued', 'building', 'starting');

-- The ledger: what is promised to whom. Used = the sum of its rows, whatever their state.
CREATE TABLE reservations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    entity_kind   TEXT NOT NULL CHECK (entity_kind IN ('team', 'user')),
    entity_id     INTEGER NOT NULL,
    site_id       INTEGER NOT NULL REFERENCES sites (id),
    deployment_id INTEGER,                              -- set while only this deployment needs it
    purpose       TEXT NOT NULL CHECK (purpose IN ('site', 'run', 'storage', 'deploy')),
    dimension     TEXT NOT NULL,
    amount        INTEGER NOT NULL CHECK (amount > 0),
    state         TEXT NOT NULL CHECK (state IN ('reserved', 'committed')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER                               -- of a reserved row whose holder may die
) STRICT;
CREATE INDEX reservations_by_entity ON reservations (entity_kind, entity_id, dimension, amount);
CREATE INDEX reservations_by_dimension ON reservations (dimension, amount);
CREATE UNIQUE INDEX reservations_once ON reservations (site_id, purpose, dimension, ifnull(deployment_id, 0));

CREATE TABLE idempotency (
    key        TEXT PRIMARY KEY,
    method     TEXT NOT NULL,
    response   TEXT NOT NULL,                           -- the JSON result that was given
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Measurements --------------------------------------------------------- written by monitord

-- One wide row a container and cycle; counters are differences since the row before.
CREATE TABLE usage_samples (
    at              INTEGER NOT NULL,
    site_id         INTEGER NOT NULL,
    container_id    TEXT NOT NULL,
    owner_kind      TEXT NOT NULL,
    owner_id        INTEGER NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('production', 'development', 'build')),
    interval_ms     INTEGER NOT NULL,
    cpu_us          INTEGER NOT NULL,                   -- CPU time used in the interval
    memory_bytes    INTEGER NOT NULL,                   -- working set: usage less inactive file pages
    memory_limit_bytes INTEGER NOT NULL,                -- in force, from the kernel; 0: none
    pids            INTEGER NOT NULL,
    rx_bytes        INTEGER NOT NULL,
    tx_bytes        INTEGER NOT NULL,
    read_bytes      INTEGER NOT NULL,
    write_bytes     INTEGER NOT NULL,
    PRIMARY KEY (site_id, at, container_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_samples_by_owner ON usage_samples (owner_kind, owner_id, at);
CREATE INDEX usage_samples_by_age ON usage_samples (at);

-- What visitors did, by site and cycle: from the gate and from Caddy's log of static sites.
CREATE TABLE traffic_samples (
    at           INTEGER NOT NULL,
    site_id      INTEGER NOT NULL,
    requests     INTEGER NOT NULL,
    bytes_in     INTEGER NOT NULL,
    bytes_out    INTEGER NOT NULL,
    duration_us  INTEGER NOT NULL,                      -- sum over the requests
    status_2xx   INTEGER NOT NULL,
    status_3xx   INTEGER NOT NULL,
    status_4xx   INTEGER NOT NULL,
    status_5xx   INTEGER NOT NULL,
    PRIMARY KEY (site_id, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX traffic_samples_by_age ON traffic_samples (at);
