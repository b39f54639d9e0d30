"""Shows the pages over in-memory adapters in a real browser."""

from typing import Any
from urllib.parse import urlsplit

from tests.handlers.review_browser import HOST, PLACE, Browser

URL = f"https://{HOST}{PLACE}/reviews"


def show_pages(context: Any, visitor: Browser) -> None:
    """Have the tabs of `context` show the pages of `visitor`, who is signed in."""

    def answered(route: Any) -> None:
        asked = route.request
        parts = urlsplit(asked.url)
        path = parts.path.removeprefix(PLACE) + (f"?{parts.query}" if parts.query else "")
        answer = visitor.send(asked.method, path, asked.post_data)
        # Playwright does not route what a redirect leads to.
        to = f'<meta http-equiv="refresh" content="0;url={answer.location}">' if answer.location else ""
        status = 200 if to else answer.status
        headers = {name: value for name, value in answer.headers.items() if name != "Location"}
        route.fulfill(status=status, headers=headers, body=to or answer.text)

    context.route(f"{URL}**", answered)
    context.route(f"{URL}/**", answered)
