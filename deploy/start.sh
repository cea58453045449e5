#!/bin/sh
# Start the server: `start.sh ADDRESS [PORT]`, from the project's folder, with the environment's python first in PATH.
# GOLDENLAYERS_NAMES: under which names a browser may reach it, with spaces (* for any). Models are made ready first.
set -eu
# behind a proxy everybody comes from this machine: they are not one person for that (docs/login-and-demo.md)
export GOLDENLAYERS_DESKS="${GOLDENLAYERS_DESKS:-apart}"
address=${1:-127.0.0.1}
port=${2:-8501}
[ -z "${TMPDIR:-}" ] || mkdir -p "$TMPDIR"
python -m goldenlayers_core prepare
set -- --server.address "$address" --server.port "$port" --server.headless true --browser.gatherUsageStats false
set -f # a name may be *
for name in ${GOLDENLAYERS_NAMES:-}; do
  set -- "$@" --server.allowedHosts "$name"
done
exec python -m streamlit run serve.py "$@"
