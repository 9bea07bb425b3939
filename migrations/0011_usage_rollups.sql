-- What was used, rolled up: five minutes, hours and days of each site, user, team and of the server, made of
-- usage_samples and traffic_samples, which go after two days.

-- Rollups --------------------------------------------------------------- written by monitord

CREATE TABLE usage_rollups (
    step_s            INTEGER NOT NULL CHECK (step_s IN (300, 3600, 86400)),
    at                INTEGER NOT NULL,                 -- the begin, a multiple of step_s
    entity_kind       TEXT NOT NULL CHECK (entity_kind IN ('site', 'user', 'team', 'system')),
    entity_id         INTEGER NOT NULL,                 -- 0 for the system
    runtime_ms        INTEGER NOT NULL,                 -- in which at least one container ran
    container_ms      INTEGER NOT NULL,                 -- the same, added up over the containers
    cpu_us            INTEGER NOT NULL,
    cpu_millicores_peak INTEGER NOT NULL,               -- of a cycle; so the other two peaks
    memory_kib_s      INTEGER NOT NULL,                 -- KiB times seconds
    memory_bytes_peak INTEGER NOT NULL,
    containers_peak   INTEGER NOT NULL,
    rx_bytes          INTEGER NOT NULL,
    tx_bytes          INTEGER NOT NULL,
    read_bytes        INTEGER NOT NULL,
    write_bytes       INTEGER NOT NULL,
    requests          INTEGER NOT NULL,
    status_5xx        INTEGER NOT NULL,
    bytes_in          INTEGER NOT NULL,
    bytes_out         INTEGER NOT NULL,
    duration_us       INTEGER NOT NULL,                 -- sum over the requests
    reserved_memory_mib     INTEGER NOT NULL,           -- the most that the ledger said; -1: nobody looked
    reserved_cpu_millicores INTEGER NOT NULL,
    storage_mib             INTEGER NOT NULL,
    PRIMARY KEY (step_s, at, entity_kind, entity_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_rollups_by_entity ON usage_rollups (entity_kind, entity_id, step_s, at);

-- Up to when that is done; one row.
CREATE TABLE usage_rolled_up (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    until_at INTEGER NOT NULL
) STRICT;
