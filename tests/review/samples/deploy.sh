#!/bin/sh
set -eu

# Says what to do.
usage() { #!
    echo "usage: $0"
}

function deploy { #!
    if [ -z "$1" ]; then
        usage
    fi
}

deploy "$@"
