"""What is due, decided in one place: from what each partition would be made now, against what it was made from.

`recipes` names the assets, `due` compares; the table is `store.made`. Dagster is not known here: what it recorded is
handed in.
"""
