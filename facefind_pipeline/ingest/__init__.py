"""From folders to rows: where photos and references are read by `vision` and kept by `store`."""
