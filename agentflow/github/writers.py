"""Who may write to a repository: the words of anybody else on a pull request decide nothing."""

from __future__ import annotations

import re

from pydantic import BaseModel

from agentflow.github.api import Api

#: Logins that GitHub is asked about for one review; whoever else is there counts as a stranger.
MOST_ASKED = 30
_LOGIN = re.compile(r"[\w-]+", re.ASCII)
_MAY_WRITE = frozenset({"admin", "write"})
#: What GitHub calls those who belong to a repository, where it does not tell what they may do.
_OF_THE_HOUSE = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class Author(BaseModel):
    """Who wrote or did something, as GraphQL has it."""

    login: str
    kind: str = "User"

    @property
    def is_bot(self) -> bool:
        return self.kind == "Bot" or self.login.endswith("[bot]")

    @property
    def name(self) -> str:
        """The login as the REST interface has it, where bots are marked."""
        return self.login if not self.is_bot or self.login.endswith("[bot]") else f"{self.login}[bot]"


class _Permission(BaseModel):
    permission: str


class Writers:
    """Those who may write, each asked for once. `viewer` is the login that is used here."""

    def __init__(self, api: Api, repository: str, viewer: str) -> None:
        self._api = api
        self._repository = repository
        self._viewer = viewer
        self._known = {viewer: True}

    def is_bot(self, author: Author) -> bool:
        """Also the login that is used here where it is a bot's, which GitHub names without a mark in places."""
        return author.is_bot or f"{author.login}[bot]" == self._viewer

    async def include(self, author: Author | None, association: str) -> bool:
        """Whether this one may write. A bot that could write a comment or a review may."""
        if author is None or author.is_bot:
            return author is not None
        if author.login not in self._known:
            self._known[author.login] = await self._may_write(author.login, association)
        return self._known[author.login]

    async def _may_write(self, login: str, association: str) -> bool:
        if not _LOGIN.fullmatch(login) or len(self._known) > MOST_ASKED:
            return False
        answer = await self._api.send("GET", f"repos/{self._repository}/collaborators/{login}/permission")
        if not answer.ok:
            return association in _OF_THE_HOUSE
        return answer.value(_Permission).permission in _MAY_WRITE
