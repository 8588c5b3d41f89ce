"""A place in a text's tokens: looked at, taken, or refused with line and column."""

from components.shared.sources.googlesql.text import position_at, query_error
from components.shared.sources.googlesql.tokens import RESERVED, Token, tokenize
from configs.errors import QueryError


class Cursor:
    """Walks over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.index]

    def ahead(self, count: int = 1) -> Token:
        """The token `count` places behind the next."""
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, and go on behind it."""
        token = self.token
        self.index += token.kind != "end"
        return token

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or operators."""
        return all(self.ahead(place).word == word for place, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Take these keywords or operators if they are next."""
        if self.sees(*words):
            self.index += len(words)
            return True
        return False

    def accept_one(self, *words: str) -> str:
        """Take one of these words if it is next, and say which."""
        return self.take().word if self.token.word in words else ""

    def expect(self, *words: str) -> Token:
        """Take these words.

        Raises:
            QueryError: Something else is next.
        """
        first = self.token
        for word in words:
            if self.token.word != word:
                raise self.failure(f"expected {word}, got")
            self.take()
        return first

    def identifier(self, what: str = "a name") -> str:
        """Take a name, quoted or not.

        Raises:
            QueryError: Something else is next.
        """
        token = self.token
        if token.kind == "quoted":
            return str(self.take().value)
        if token.kind != "name" or token.word in RESERVED:
            raise self.failure(f"expected {what}, got")
        return self.take().text

    def sees_identifier(self) -> bool:
        """Whether a name is next."""
        token = self.token
        return token.kind == "quoted" or (token.kind == "name" and token.word not in RESERVED)

    def alias(self) -> str:
        """Take [AS] name if it is next."""
        if self.accept("AS"):
            return self.identifier("a name behind AS")
        return self.identifier() if self.sees_identifier() else ""

    def failure(self, message: str, token: Token | None = None) -> QueryError:
        """The error that refuses the next token, or another."""
        token = token or self.token
        shown = f"'{token.text}'" if token.text else "the end"
        return query_error(self.text, position_at(self.text, token.start), f"{message} {shown}")
