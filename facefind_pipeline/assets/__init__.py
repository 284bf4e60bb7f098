"""The graph: one thin module per stage. An asset reads its partition, calls domain code and says what came of it."""
