-- Which request asked for it: its words in the journal go with that request's.
ALTER TABLE deployments ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
