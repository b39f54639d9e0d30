"""Finds what makes boto3 and the AWS CLI refuse a whole AWS configuration file."""

from collections.abc import Mapping
from configparser import (
    DuplicateOptionError,
    DuplicateSectionError,
    Error,
    MissingSectionHeaderError,
    ParsingError,
    RawConfigParser,
)

_WRONG: Mapping[type[Error], str] = {
    DuplicateSectionError: "repeats a section",
    DuplicateOptionError: "repeats a setting of its section",
    MissingSectionHeaderError: "is in no section",
}


def broken_line(text: str) -> str:
    """Return which line is wrong and why; "" if none is. The text does not quote the line, which may hold a key."""
    try:
        # Their parser: https://github.com/boto/botocore/blob/develop/botocore/configloader.py
        RawConfigParser().read_string(text)
    except (DuplicateSectionError, DuplicateOptionError, MissingSectionHeaderError) as error:
        return f"line {error.lineno} {_WRONG[type(error)]}"
    except ParsingError as error:
        return f"line {error.errors[0][0]} has neither = nor :"
    return ""
