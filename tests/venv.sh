# For the run.sh of a folder whose tests need packages of Python: reads its arguments, goes to the project's root, and
# has what the folder's requirements.txt pins in $venv, below $target.
#
#   source "$(dirname "${BASH_SOURCE[0]}")/../venv.sh"

install=1
for argument in "$@"; do
    case $argument in
        --no-install) install='' ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        *) echo "$0: unknown argument $argument (--help lists them)" >&2; exit 2 ;;
    esac
done

here=tests/$(basename "$(realpath "$(dirname "$0")")")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/${here#tests/}
if ! cmp -s "$here/requirements.txt" "$venv/.installed"; then
    if [[ -z $install ]]; then
        echo "what $here/requirements.txt pins is not installed in $venv"
        exit 1
    fi
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/.installed"
fi
