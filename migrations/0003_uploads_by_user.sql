-- What an account has begun to send, for the sum that bounds it.
CREATE INDEX uploads_by_user ON uploads (user_id);
