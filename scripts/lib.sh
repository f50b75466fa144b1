# Sourced by run, test and check: continue in the checkout's root with a usable Python.
# The programs themselves are Python modules; they make and use .venv on their own.

mall_exec() {
    cd "$(dirname "$0")/.." || exit 1
    for python in python3 python3.13 python3.12 python3.11 .venv/bin/python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            exec "$python" -m "$@"
        fi
    done
    echo "需要 Python 3.11 或更新版本。 / Python 3.11 or newer is needed." >&2
    exit 1
}
