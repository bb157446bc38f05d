ALTER TABLE oauth_codes ADD COLUMN nonce TEXT;
