-- Links that open one person's photos, who said what of a photo, whose photos may be given away, and which were.
-- depends: 0027_face_groups

-- Neither token nor PIN is kept, only what recognises them: whoever reads this table opens nothing.
CREATE TABLE guest_links (
    link          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person        text NOT NULL REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE,
    token_hash    bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    pin_salt      bytea,
    pin_hash      bytea,
    wrong_pins    integer NOT NULL DEFAULT 0,
    made_by       text NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    CHECK ((pin_salt IS NULL) = (pin_hash IS NULL))
);
CREATE INDEX guest_links_person ON guest_links (person);
COMMENT ON TABLE guest_links IS 'links that open the photos of one person to whoever has them';
COMMENT ON COLUMN guest_links.token_hash IS 'SHA-256 of the token in the link';
COMMENT ON COLUMN guest_links.pin_hash IS 'scrypt of the PIN; null where the link needs none';
COMMENT ON COLUMN guest_links.wrong_pins IS 'since the right one was given; a link with too many answers nobody';
COMMENT ON COLUMN guest_links.closed_at IS 'when somebody took the link back';

ALTER TABLE feedback ADD COLUMN author text;
COMMENT ON COLUMN feedback.author IS 'who said it: the account and where; null for what was said before authors were recorded';

-- Whose photos the host looked through and approved of giving away.
CREATE TABLE approvals (
    person      text PRIMARY KEY REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE approvals IS 'people whose sure photos the host approved of delivering';

-- By content, so that a photo that is moved, copied or found again is not delivered twice.
CREATE TABLE deliveries (
    person       text NOT NULL REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE,
    sha256       bytea NOT NULL CHECK (length(sha256) = 32),
    delivered_by text NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, sha256)
);
COMMENT ON TABLE deliveries IS 'photos that a person was given';
