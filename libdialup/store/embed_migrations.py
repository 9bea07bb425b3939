"""Writes the migrations as a C table for store.c, so that no program looks for files at run time.

Usage: embed_migrations.py OUTPUT.inc FILE.sql...
The files are named NNNN_what.sql and count up from 0001.
"""

import pathlib
import sys


def quote(line):
    return '    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def row(number, path):
    if int(path.stem[:4]) != number:
        sys.exit(f"{path.name}: expected migration {number:04d}")
    lines = "\n".join(quote(line) for line in path.read_text("utf-8").splitlines())
    return f'    {{{number}, "{path.stem}",\n{lines}}},\n'


def main():
    output, *files = sys.argv[1:]
    paths = sorted(map(pathlib.Path, files), key=lambda path: path.name)
    rows = "".join(row(number, path) for number, path in enumerate(paths, 1))
    pathlib.Path(output).write_text(
        f"static const struct db_migration migrations[] = {{\n{rows}}};\n", "utf-8"
    )


main()
