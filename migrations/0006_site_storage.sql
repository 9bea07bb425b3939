-- What a site occupies, in parts. Their sum is sites.storage_bytes, and in the ledger.
CREATE TABLE site_storage (
    site_id         INTEGER PRIMARY KEY REFERENCES sites (id),
    releases_bytes  INTEGER NOT NULL,  -- all releases, allocated blocks
    images_bytes    INTEGER NOT NULL,  -- layers of its images that it does not share with the base image
    container_bytes INTEGER NOT NULL,  -- what its containers wrote outside of mounted folders
    logs_bytes      INTEGER NOT NULL,  -- of deployments, and what its containers say
    changed_at      INTEGER NOT NULL
) STRICT;
