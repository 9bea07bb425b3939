-- A limit may be an amount, a part of the machine, or both; and "containers" are those that exist,
-- "concurrent_containers" those that are awake, which is what "containers" counted before.

CREATE TABLE limits_new (
    entity_kind   TEXT NOT NULL CHECK (entity_kind IN ('system', 'team', 'user')),
    entity_id     INTEGER NOT NULL,                     -- 0 for the system
    dimension     TEXT NOT NULL,                        -- libdialup/quota/dimensions.def
    hard          INTEGER CHECK (hard >= 0),            -- in the dimension's unit; NULL: no amount
    percent       INTEGER NOT NULL DEFAULT 0            -- of the machine; 0: no part
                  CHECK (percent BETWEEN 0 AND 100),
    soft_percent  INTEGER NOT NULL DEFAULT 80 CHECK (soft_percent BETWEEN 1 AND 100),
    burst_percent INTEGER NOT NULL DEFAULT 0 CHECK (burst_percent BETWEEN 0 AND 100),
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (entity_kind, entity_id, dimension),
    CHECK (hard IS NOT NULL OR percent > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO limits_new (entity_kind, entity_id, dimension, hard, soft_percent, burst_percent, updated_at)
    SELECT entity_kind, entity_id, iif(dimension = 'containers', 'concurrent_containers', dimension),
           hard, soft_percent, burst_percent, updated_at
    FROM limits;
DROP TABLE limits;
ALTER TABLE limits_new RENAME TO limits;

DROP TRIGGER reservations_fixed;
UPDATE reservations SET dimension = 'concurrent_containers' WHERE dimension = 'containers';
UPDATE reservation_sums SET dimension = 'concurrent_containers' WHERE dimension = 'containers';
CREATE TRIGGER reservations_fixed BEFORE UPDATE OF dimension, amount ON reservations BEGIN
    SELECT raise(ABORT, 'a reservation is replaced, never changed');
END;

-- The containers that exist, asleep or not.
INSERT INTO reservations (entity_kind, entity_id, site_id, purpose, dimension, amount, state, created_at)
    SELECT owner_kind, owner_id, id, 'site', 'containers', instances, 'committed', updated_at
    FROM sites
    WHERE deleted_at IS NULL AND desired <> 'deleted' AND live_deployment IS NOT NULL AND memory_mib > 0;
