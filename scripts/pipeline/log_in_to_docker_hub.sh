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
token=$(jq -re .token <<<"$secret")
echo "::add-mask::$token"
docker login --username "$(jq -re .username <<<"$secret")" --password-stdin <<<"$token"
