"""The graph: one thin module a stage. An asset reads its partition, calls domain code and says what came of it."""
