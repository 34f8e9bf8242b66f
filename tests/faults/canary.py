"""A token and fifty sentences that must never be seen where they do not belong. All of it is invented."""

CANARY_TOKEN = "hf_" + "CanaryTokenThatMustNeverBeSeen00"
CANARY_SENTENCES = tuple(
    f"Synthetic canary {number}: an invented patient with stage {stage} disease of the {site}."
    for number, (stage, site) in enumerate(
        (stage, site)
        for stage in ("I", "II", "III", "IVA", "IVB")
        for site in (
            "lung",
            "breast",
            "colon",
            "skin",
            "prostate",
            "ovary",
            "pancreas",
            "brain",
            "stomach",
            "kidney",
        )
    )
)
CANARY_NOTE = CANARY_SENTENCES[0]
