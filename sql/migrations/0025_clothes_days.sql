-- What clothes tell of a day may be written while the day is forgotten: the search looks at the moment when it began.
-- depends: 0024_index_choice

ALTER TABLE clothes_days DROP CONSTRAINT clothes_days_event_day_fkey;
