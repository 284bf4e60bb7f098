-- Photos that no figure counts: those that truth leaves out of a person's ranking, and those that no list names.
-- depends: 0022_clothes_ranking

ALTER TABLE truth ADD COLUMN leave_out boolean;
ALTER TABLE truth_lists ADD COLUMN unlabelled_left_out boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN truth.leave_out IS 'whether the photo counts neither as true nor as false for the person; null: only where a reference was cut from it';
COMMENT ON COLUMN truth_lists.unlabelled_left_out IS 'whether photos that no list names are left out of the rankings of the list''s people';
