# Sourced by the scripts of tools/: where things are, how they speak.
# shellcheck shell=bash
NBA_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NBA_CACHE=${NBA_CACHE:-$HOME/.cache/nba}
NBA_VENV=$NBA_CACHE/venv
NBA_JOBS=${NBA_JOBS:-$(nproc)}
export NBA_ROOT NBA_CACHE NBA_VENV NBA_JOBS

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit "${2:-1}"; }

# The Python that has confluent-kafka and fastavro once tools/setup has run.
venv_python() { printf '%s\n' "$NBA_VENV/bin/python"; }
