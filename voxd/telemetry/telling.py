"""Tells one observer of calls. A named border: a bug in one keeps the news from no other."""

import logging
from collections.abc import Callable
from typing import ParamSpec

logger = logging.getLogger(__name__)

News = ParamSpec("News")


def tell(take: Callable[News, None], *news: News.args, **more: News.kwargs) -> None:
    """Call an observer's method; what it raises is logged and goes no further."""
    try:
        take(*news, **more)
    except Exception:  # border: an observer of calls
        name = getattr(take, "__qualname__", "")
        logger.exception("an observer failed", extra={"observer": name})
