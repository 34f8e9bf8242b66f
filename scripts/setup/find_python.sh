#!/bin/sh
# Prints the path of the first Python among the versions named, by default those that the project supports, the favourite first.
# Another than the first is said in one line; none at all is an error that says what to install.
set -eu
[ $# -gt 0 ] || set -- 3.11 3.12 3.13

path_of() { # a pyenv shim may stand for nothing, and Debian keeps venv in a package of its own
    "$1" -c 'import ensurepip, sys, venv
sys.exit(print(sys.executable) if "%d.%d" % sys.version_info[:2] == sys.argv[1] else 1)' "$2" 2>/dev/null
}

for version in "$@"; do
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version."*/bin/python python3; do
        if found=$(path_of "$candidate" "$version"); then
            [ "$version" = "$1" ] || echo "No Python $1 here: using $version ($found)." >&2
            echo "$found"
            exit 0
        fi
    done
done

echo "No usable Python among $* here: it takes one of them with its venv module." >&2
echo "Debian: apt-get install python3-venv; pyenv: pyenv install $1." >&2
exit 1
