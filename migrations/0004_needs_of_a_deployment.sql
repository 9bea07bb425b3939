-- What a release needs belongs to its deployment; the site's row shows what is live.
ALTER TABLE deployments ADD COLUMN type TEXT NOT NULL DEFAULT '';
ALTER TABLE deployments ADD COLUMN memory_mib INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deployments ADD COLUMN cpu_millicores INTEGER NOT NULL DEFAULT 0;

-- One that is starting at this moment wrote its needs into the site's row.
UPDATE deployments SET type = sites.type, memory_mib = sites.memory_mib, cpu_millicores = sites.cpu_millicores
    FROM sites WHERE sites.id = deployments.site_id AND deployments.id IN (sites.desired_deployment, sites.live_deployment);
