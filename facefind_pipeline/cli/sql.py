"""`facefind sql`: the documented queries with values of this home, and how PostgreSQL runs them."""

import click

from facefind_pipeline.cli.workspace import chosen_set, open_reading, params_option
from facefind_pipeline.search.documented import DOCUMENTED, explain, filled_in
from facefind_pipeline.store.queries import summary

LISTED = "\n".join(f"  {name:18} {summary(name)}" for name in DOCUMENTED)


@click.command(
    epilog=f"""\b
Queries:
{LISTED}

\b
Examples:
  facefind sql find > find.sql && facefind psql -f find.sql
  facefind sql find --explain
  facefind sql stored_results --params talk"""
)
@click.argument("name", type=click.Choice(DOCUMENTED), metavar="NAME")
@click.option("--explain", "explained", is_flag=True, help="Run it and print what EXPLAIN ANALYZE says, not the query.")
@params_option
def sql(name: str, explained: bool, params: str | None) -> None:
    """Print the query NAME with a day, a photo and a person of this home filled in, ready to run."""
    _, database = open_reading()
    with database.connect() as connection:
        statement = filled_in(connection, chosen_set(connection, params), name)
        if not explained:
            click.echo(f"{statement};")
            return
        for line in explain(connection, statement):
            click.echo(line)
