"""Which of the two media types an answer has (https://graphql.github.io/graphql-over-http/draft/)."""

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


def negotiate(accept: str | None) -> str | None:
    """The media type of the answer; None when the client takes neither.

    The newer one is for those who name it: `*/*` and an absent Accept have meant JSON for too long.
    """
    if not accept or not accept.strip():
        return JSON
    ranges = _ranges(accept)
    graphql = ranges.get(GRAPHQL, 0.0)
    json = next((ranges[each] for each in (JSON, "application/*", "*/*") if each in ranges), 0.0)
    if graphql and graphql >= json:
        return GRAPHQL
    return JSON if json else None


def takes_html(accept: str | None) -> bool:
    """Whether a browser asks, which names text/html."""
    return _ranges(accept or "").get("text/html", 0.0) > 0


def _ranges(accept: str) -> dict[str, float]:
    """Media ranges and their quality (RFC 9110, section 12.5.1)."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        ranges[media] = max(quality, ranges.get(media, 0.0))
    return ranges
