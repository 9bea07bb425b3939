-- What was compared when there was no room for a release: a JSON list, '' for every other end.
ALTER TABLE deployments ADD COLUMN error_checks TEXT NOT NULL DEFAULT '';
