"""PostgreSQL: the embedded server, connections, binary COPY and the statements behind each table."""
