-- What a name looks like: domain_skeleton() in SQL, so that a look-alike is found by an index.
ALTER TABLE sites ADD COLUMN look TEXT GENERATED ALWAYS AS (
    replace(replace(
        replace(replace(replace(replace(replace(domain, '-', ''), '.', ''), '0', 'o'), '1', 'l'), 'i', 'l'),
        'rn', 'm'), 'vv', 'w')) VIRTUAL;
CREATE INDEX sites_by_look ON sites (look) WHERE deleted_at IS NULL;
