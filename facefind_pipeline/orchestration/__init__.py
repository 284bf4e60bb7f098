"""All that is Dagster's beside the assets: partitions, automation, checks, jobs, the instance, runs, previews."""

import warnings

import dagster as dg

# Partitioned checks, observable assets and custom conditions are beta or preview in 1.13, and say so at each start.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
