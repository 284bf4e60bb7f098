"""Jobs that change what people said or what is kept, which Dagster's UI does not ask about as the commands do."""

import dagster as dg
from pydantic import Field


class AgreedConfig(dg.Config):
    """Whether somebody agreed."""

    agreed: bool = Field(
        default=False, description="true does it; with false the run's log only says what would be done."
    )


def is_agreed(context: dg.OpExecutionContext, config: AgreedConfig, what: str) -> bool:
    """Whether to do it, which is written to the run's log, as `remove Ada`."""
    context.log.info(what if config.agreed else f"nothing was changed: launch the job with `agreed: true` to {what}")
    return config.agreed
