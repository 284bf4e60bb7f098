"""All checks of `facefind doctor`, in the order in which they are made. A new one is a function and a line here."""

from facefind_pipeline.doctor import doors, indexes, machine, places, record, server
from facefind_pipeline.doctor.findings import Check, Needs

CHECKS = (
    Check("python", machine.python),
    Check("cores", machine.cores),
    Check("decoding", machine.decoding),
    Check("disk", machine.disk),
    Check("shared memory", machine.shared_memory),
    Check("telemetry", machine.telemetry),
    Check("modes", places.modes),
    Check("models", places.models),
    Check("pages", doors.pages),
    Check("database", server.answers),
    Check("versions", server.versions, Needs.SERVER),
    Check("doors", doors.database, Needs.SERVER),
    Check("indexes", indexes.sound, Needs.SERVER),
    Check("roles", server.roles, Needs.TABLES),
    Check("sets", places.sets, Needs.TABLES),
    Check("folders", places.folders, Needs.TABLES),
    Check("rows", record.rows, Needs.TABLES),
    Check("files", record.files, Needs.TABLES),
    Check("dagster", record.dagster, Needs.TABLES),
    Check("fresh", indexes.fresh, Needs.TABLES),
    Check("retention", record.retention, Needs.TABLES),
)
