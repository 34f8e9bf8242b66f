#!/usr/bin/env bash
# Looks for secrets in every file that git knows (detect-secrets must be on PATH). Whatever looks like one and is none stands
# here with its reason, or carries `pragma: allowlist secret` on its line. A baseline would be a file of line numbers that
# every change moves.
set -euo pipefail
cd "$(dirname "$0")/../.."

not_secrets=(
    # 5 MB of generated notes, whose generator is looked at instead; they take minutes and hold no key by construction
    --exclude-files '\.jsonl$'
    # digests are there to be compared
    --exclude-lines '[Ss][Hh][Aa]256"?( ==| =|:) "[0-9a-f]{64}"'
    --exclude-lines 'git_oid == "[0-9a-f]{40}"'
    # words that tests plant to find them again where they must not be
    --exclude-lines '^SECRET = "'
    # lower-case words and hyphens: what tests and the emulated AWS give for a token that nothing checks
    --exclude-secrets '^[a-z]+(-[a-z]+)*$'
    # names and paths of high entropy, and actions that IAM names after secrets
    --exclude-secrets '^(models--)?HuggingFaceTB(/|--)SmolLM2-135M-Instruct$'
    --exclude-lines 'FINE_TUNE_SLM_VOLUME=/mnt/checkpoints'
    --exclude-lines 'secretsmanager:[A-Z][A-Za-z]*Secret'
)

git ls-files -z | xargs -0 detect-secrets-hook "${not_secrets[@]}"
