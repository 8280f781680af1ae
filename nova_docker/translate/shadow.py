"""Passwords in the format of shadow(5)."""


def with_password(shadow: bytes, user: str, hashed: str, day: int) -> bytes | None:
    """The text with another password for one user; None when it lacks the user.

    :param hashed: in the format of crypt(5)
    :param day: days since 1970-01-01, which shadow keeps as the last change: 0,
        which images often have, would make the user change it at once
    """
    lines = shadow.splitlines(keepends=True)
    for index, line in enumerate(lines):
        fields = line.split(b':')
        if fields[0] == user.encode() and len(fields) > 2:
            fields[1:3] = hashed.encode(), str(day).encode()
            lines[index] = b':'.join(fields)
            return b''.join(lines)
    return None
