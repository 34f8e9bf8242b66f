#!/usr/bin/env bash
# Logs in to Docker Hub, which limits pulls by address to those who do not. The token is the stage's secret, as
# {"username": "...", "token": "..."}; it needs no right but to read public images. Without one, pulls are anonymous.
set -euo pipefail
stage=$1

if ! secret=$(aws secretsmanager get-secret-value --secret-id "fine-tune-slm-$stage/docker-hub-token" \
    --query SecretString --output text 2>/dev/null); then
    echo "no Docker Hub token in this stage: pulling anonymously"
    exit 0
fi

field() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$secret"
}
username=$(field username)
token=$(field token)
echo "::add-mask::$token" # first of all: GitHub then hides it in whatever follows
docker login --username "$username" --password-stdin <<<"$token"
