-- Sites that sleep while nobody visits them, and sites with more than one instance.

-- How deep a site sleeps. Frozen: its processes stand still, its memory stays promised. Asleep: its
-- container is stopped, and it holds neither memory nor CPU.
ALTER TABLE sites ADD COLUMN sleep TEXT NOT NULL DEFAULT 'awake'
    CHECK (sleep IN ('awake', 'frozen', 'asleep'));
ALTER TABLE sites ADD COLUMN sleep_at INTEGER NOT NULL DEFAULT 0;     -- when that changed last
ALTER TABLE sites ADD COLUMN idle_minutes INTEGER NOT NULL DEFAULT 0  -- until it sleeps; 0: the server's setting
    CHECK (idle_minutes >= 0);
ALTER TABLE sites ADD COLUMN instances INTEGER NOT NULL DEFAULT 1     -- as decided by its load
    CHECK (instances BETWEEN 1 AND 2);
