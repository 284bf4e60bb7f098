"""All that is Dagster's beside the assets: partitions, resources, the instance, runs, previews."""
